"""The Train page without a browser: what it offers, what it refuses, and what it shows of a run."""

import json

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app import checkpoints, places, state
from app.components.train import plan as train_plan
from app.jobs import control, jobs, runner
from app.jobs.requests import Training
from app_helpers import ran
from fgcore import presets
from fgcore.training import loop, probes
from fgcore.training.plan import Pace
from test_data_archives import GOOD, classes, zipped
from training_helpers import draw_pictures, tiny


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"), train=4, test=2)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run of two epochs of MC-Loss with its filmstrip; one of its pictures is damaged."""
    pictures = draw_pictures(tmp_path_factory.mktemp("damaged"), train=4, test=2)
    (pictures / "train" / "red finch" / "3.png").write_bytes(b"no picture")
    folder, experiment = tmp_path_factory.mktemp("runs") / "tiny-1", tiny(pictures, "mc", epochs=2, batch_size=4)
    for _ in probes.filmed(loop.train(experiment, folder, device="cpu"), folder, experiment, 2):
        pass
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty runs folder in which nothing trains by itself."""
    monkeypatch.setenv(places.ANALYSES, str(tmp_path / "analyses"))
    monkeypatch.setenv(places.RUNS, str(tmp_path / "runs"))
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path / "checkpoints"))
    monkeypatch.setattr(runner, "start_runner", lambda: None)
    st.cache_data.clear()
    return tmp_path / "runs"


def page(**query):
    app = AppTest.from_function(_page, default_timeout=120)
    app.query_params.update(query)
    return ran(app)


def _page():
    from app import state
    from app.pages import train

    state.prepare()
    train.show()


def words(app):
    kinds = ("title", "subheader", "markdown", "caption", "error", "warning", "info")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


def run_of(app, field, recipe="mc_birds_first"):
    return state.train.SETTING.format(field=field, recipe=recipe)


def put(folder, trained, name="tiny-1", job=None, **ended):
    """A run as the runner leaves it."""
    path = folder / name
    path.mkdir(parents=True)
    for source in (trained, trained / "probes"):
        for file in source.iterdir():
            if file.is_file():
                target = path / file.relative_to(trained)
                target.parent.mkdir(exist_ok=True)
                target.write_bytes(file.read_bytes())
    job = job or {
        "preset": "mc_birds",
        "settings": ["seed=1"],
        "probes": 2,
        "title": "MC-Loss on finches",
        "created": 1.0,
    }
    (path / "job.json").write_text(json.dumps({"kind": "train"} | job))
    (path / "ended.json").write_text(json.dumps({"code": 0} | ended))
    return path


def test_a_first_visitor_starts_the_first_run_with_one_click(folder):
    app = page()
    shown = words(app)
    assert "A first run" in shown
    assert "9 groups of 3 channels" in shown
    assert {metric.label: metric.value for metric in app.metric}["Images to learn from"] == "900"
    app.button(key="train_start_first").click()
    ran(app)
    (run,) = jobs.listing("train")
    assert (run.name, run.state, run.request.preset, run.request.probes) == (
        "mc_birds_first-1",
        "queued",
        "mc_birds_first",
        4,
    )
    assert app.selectbox(key=state.train.RUN).value == "mc_birds_first-1"
    assert "its turn comes" in words(app)


def test_what_was_changed_is_what_is_trained(folder):
    app = page()
    app.number_input(key=run_of(app, "epochs")).set_value(3)
    app.number_input(key=run_of(app, "seed")).set_value(7)
    app.slider(key=run_of(app, "classes_synthetic_birds")).set_value(6)
    ran(app).button(key="train_start").click()
    ran(app)
    (run,) = jobs.listing("train")
    assert run.name == "mc_birds_first-7"
    assert set(run.request.settings) == {"data.classes=6", "optim.epochs=3", "seed=7"}
    assert runner.command(run.path, run.request)[3:6] == ["train", "mc_birds_first", "data.classes=6"]


def test_every_recipe_can_be_shown_and_says_nothing_was_changed(folder, monkeypatch):
    monkeypatch.delenv("FG_DATA", raising=False)
    app = page()
    for method in ("mc", "ap", "baseline"):
        app.segmented_control(key=state.train.METHOD).set_value(method)
        ran(app)
        key = state.train.RECIPE.format(method=method)
        names = [name for name in presets.PRESETS if presets.get(name).model.method == method]
        for name in names[::3]:
            app.selectbox(key=key).set_value(name)
            ran(app)
            if presets.get(name).data.dataset == "folder":  # which images is for the visitor to say
                assert "Choose the images" in words(app)
            else:
                assert f"python -m fgcore train {name}" in {code.value for code in app.code}


def test_settings_that_do_not_fit_are_told_in_one_sentence_and_cannot_start(folder):
    app = page()
    app.number_input(key=run_of(app, "resize")).set_value(64)
    ran(app)
    (error,) = app.error
    assert "resize should be at least crop" in error.value
    assert app.button(key="train_start").disabled


def test_a_data_set_that_is_not_here_is_told(folder, monkeypatch):
    monkeypatch.delenv("FG_DATA", raising=False)
    app = page()
    app.selectbox(key=run_of(app, "data")).set_value("cub")
    ran(app)
    assert "CUB-200-2011 needs a folder of images" in app.error[0].value


def test_a_folder_on_this_machine_is_counted_before_it_is_trained_on(folder, pictures):
    app = page()
    app.selectbox(key=run_of(app, "data")).set_value("folder")
    ran(app)
    assert "Choose the images" in words(app)
    app.text_input(key=state.train.ROOT).set_value(str(pictures))
    ran(app)
    assert {metric.label: metric.value for metric in app.metric}["Images to learn from"] == "12"
    app.button(key="train_start").click()
    ran(app)
    assert f"data.root={pictures}" in jobs.listing("train")[0].request.settings


def bring(app, data, name="my birds.zip"):
    app.selectbox(key=run_of(app, "data")).set_value("zip")
    ran(app).file_uploader(key=state.train.ZIP).set_value((name, data, "application/zip"))
    return ran(app)


def test_a_zip_is_unpacked_and_its_damaged_pictures_are_counted_and_named(folder):
    files = classes("birds/", count=8) | {"birds/wren/torn.png": GOOD[:150], "birds/notes.txt": b"hello"}
    app = bring(page(), zipped(files).getvalue())
    shown = words(app)
    assert "16 images of 2 classes unpacked" in shown
    assert "1 cannot be read and was left out" in shown
    assert "torn.png" in shown
    assert "notes.txt" in shown
    assert {metric.label: metric.value for metric in app.metric}["Classes"] == "2"
    app.button(key="train_start").click()
    ran(app)
    (run,) = jobs.listing("train")
    assert any(text.startswith(f"data.root={folder}/pictures/") for text in run.request.settings)
    assert "my birds" in run.request.title


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"no zip", "this is no zip file"),
        (zipped(classes(names=("wren",))).getvalue(), "at least two classes"),
        (zipped({"../a/x.png": GOOD}).getvalue(), "path leads elsewhere"),
    ],
)
def test_a_bad_zip_gets_one_sentence(folder, data, sentence):
    app = bring(page(), data)
    (error,) = app.error
    assert sentence in error.value
    assert not app.button(key="train_start_first").disabled
    assert "Choose the images" in words(app)


def test_the_time_is_measured_on_request(folder, monkeypatch):
    monkeypatch.setattr(train_plan, "measure", lambda experiment: Pace(0.01, 0.2, 0.1, "bf16"))
    app = page()
    assert "on this machine as busy" not in words(app)
    app.button(key="train_measure").click()
    ran(app)
    assert "About **2 minutes** on this machine" in words(app)  # 990 drawings, 560 steps, 10 tests
    app.number_input(key=run_of(app, "epochs")).set_value(20)
    assert "About **4 minutes**" in words(ran(app))  # no second measurement is needed


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "1 second"), (59, "59 seconds"), (150, "2 minutes"), (9000, "2.5 hours")]
)
def test_durations_are_told_in_round_numbers(seconds, text):
    assert train_plan.duration(seconds) == text


def test_a_finished_run_shows_its_numbers_filmstrip_and_curves(folder, trained):
    put(folder, trained)
    app = page(run="tiny-1")
    shown = words(app)
    assert "The filmstrip" in shown
    assert "before training" in shown
    assert "11 training images, 1 unreadable left out (train/red finch/3.png)" in shown
    values = {metric.label: metric.value for metric in app.metric}
    assert "%" in values["Test accuracy"]
    film, curves = (json.loads(chart.proto.spec) for chart in app.get("plotly_chart"))
    assert [frame["name"] for frame in film["frames"]] == ["0", "1", "2"]
    assert len(curves["data"]) == 2 * (3 + 2 + 2 + 1)  # three terms, accuracy, rates, speed; faint and bold
    assert {button.key for button in app.button} >= {"train_inspect", "train_compare"}
    assert "train_resume" not in {button.key for button in app.button}


def test_another_probe_is_shown_in_detail(folder, trained):
    put(folder, trained)
    app = page(run="tiny-1")
    app.pills(key=state.train.PROBE.format(run="tiny-1")).set_value(1)
    film = json.loads(ran(app).get("plotly_chart")[0].proto.spec)
    titles = [note["text"] for note in film["layout"]["annotations"]]
    assert "<b>green finch</b>" in titles
    assert "blue finch" in titles


def test_a_failed_run_says_why_and_can_be_resumed_and_deleted(folder, trained):
    path = put(folder, trained, code=2)
    (path / "log.txt").write_text("fgcore train: could not write last.safetensors: No space left on device\n")
    app = page(run="tiny-1")
    assert "No space left on device" in app.error[0].value
    app.button(key="train_resume").click()
    ran(app)
    assert jobs.find("train", "tiny-1").state == "queued"
    app.button(key="train_stop").click()
    ran(app)
    assert jobs.find("train", "tiny-1").state == "stopped"
    app.button(key="train_delete").click()
    ran(app)
    assert jobs.listing("train") == ()
    assert not path.exists()


def test_a_finished_run_goes_on_with_more_epochs_and_another_rate(folder, trained):
    put(folder, trained, job={"preset": "mc_birds", "settings": ["seed=1", "optim.epochs=2"], "title": "finches"})
    app = page(run="tiny-1")
    field = app.number_input(key="train_longer_optim.epochs")
    assert (field.min, field.value) == (3, 3)
    field.set_value(5)
    app.number_input(key="train_longer_optim.lr").set_value(0.0005)
    app.button(key="train_go_on").click()
    ran(app)
    run = jobs.find("train", "tiny-1")
    assert run.state == "queued"
    assert run.request.settings == ("seed=1", "optim.epochs=5", "optim.lr=0.0005", "optim.trunk_lr=0.001")
    with pytest.raises(ValueError, match="expected a run that has ended"):
        control.go_on(run, {"optim.epochs": "9"})


def test_a_run_starts_from_a_checkpoint_with_its_trunk(folder, trained):
    path = put(folder, trained)
    (path / "best.safetensors").write_bytes((path / "last.safetensors").read_bytes())
    app = page(run="new")
    app.selectbox(key=state.train.RECIPE.format(method="mc")).set_value("mc_birds")
    start = ran(app).selectbox(key=run_of(app, "start", "mc_birds"))
    (own,) = [option for option in start.options if option.startswith("tiny-1 (MC-Loss")]
    start.set_value(own)
    ran(app).button(key="train_start").click()
    ran(app)
    run = next(job for job in jobs.listing("train") if job.name != "tiny-1")
    settings = dict(text.split("=", 1) for text in run.request.settings)
    assert settings["start"].endswith("tiny-1/best.safetensors")
    assert "model.trunk" not in settings  # the recipe has that one


def test_the_queue_and_the_place_in_it_are_shown(folder):
    for _ in range(2):
        control.submit(Training("mc_birds_first", ()))
    app = page(run="mc_birds_first-1-2")
    badges = [element.value for element in app.markdown if "waits" in str(element.value)]
    assert any("place 2" in badge for badge in badges)
    assert app.button(key="train_stop").label == "Take out of the queue"


def test_an_unknown_run_in_the_address_shows_the_form(folder):
    control.submit(Training("mc_birds_first", ()))
    app = page(run="nowhere")
    assert "Or set up your own" in words(app)


def test_a_run_begun_on_the_command_line_is_shown_but_not_resumed(folder, trained):
    path = put(folder, trained)
    for name in ("job.json", "ended.json"):
        (path / name).unlink()
    app = page(run="tiny-1")
    assert "The filmstrip" in words(app)
    assert "train_resume" not in {button.key for button in app.button}


def test_the_finished_run_is_among_the_models_of_the_other_pages(folder, trained):
    put(folder, trained)
    (world,) = checkpoints.catalogue().label_sets
    assert [entry.name for entry in world.entries] == ["tiny-1"]
