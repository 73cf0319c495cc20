"""The MC-Loss page without a browser: its states, and what class, contrast class, mask and part change."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import streamlit as st
import torch
from streamlit.testing.v1 import AppTest

from app import checkpoints, state
from app.methods.mc import session as mc_session
from app.methods.mc.page import flow, numbers
from app.methods.mc.page import show as mc_page
from app.methods.mc.page.case import Case
from app_helpers import PHOTO_CLASSES, figure, photograph, ran, write_checkpoint, write_two_label_sets
from fgcore.checkpoints import checkpoint
from fgcore.config import DataConfig, Experiment, LossConfig
from fgcore.data.synthetic import class_names
from fgcore.methods import build_model
from small_models import small

NAMES = class_names("birds")


def page():
    from app import state
    from app.components import picker
    from app.methods.mc.page import show

    state.prepare()
    state.sidebar.choose(picker.pick())
    show.show()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    st.cache_data.clear()  # once: these tests share what the models computed
    st.cache_resource.clear()
    return write_two_label_sets(tmp_path_factory.mktemp("checkpoints"))


@pytest.fixture
def app(folder, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(folder))
    return AppTest.from_function(page, default_timeout=240)


def opened(app, part, **link):
    """The page with this part open, as a link opens it."""
    app.query_params.update({"part": part} | {name: str(value) for name, value in link.items()})
    return ran(app)


def words(app):
    kinds = ("title", "subheader", "markdown", "caption", "html", "error", "warning", "info", "success")
    return "\n".join(
        str(getattr(element, "value", "") or element.proto.body) for kind in kinds for element in app.get(kind)
    )


def tile_names(app, role):
    return figure(app, f"mc-mosaic-{role}")["data"][1]["text"]


def cells(app):
    """The table of what the mask does: name of the row -> its cells."""
    (body,) = [html.proto.body for html in app.get("html") if "rank by g" in html.proto.body]
    rows = [row.split("<td>") for row in body.split("<tr>")[2:]]
    return {row[0].split(">")[1].split("<")[0]: [cell.split("<")[0] for cell in row[1:]] for row in rows}


def press(app, label):
    next(button for button in app.button if button.label == label).click()
    return ran(app)


def keep(app, index, channels):
    """Choose the channels of a class by button."""
    (pills,) = [pills for pills in app.pills if (pills.key or "").startswith(f"mc-kept-{index}-")]
    pills.set_value(channels)
    return ran(app)


def test_the_overview_follows_the_image_to_the_loss(app):
    shown = words(opened(app, "Loss"))
    (flow,) = [html.proto.body for html in app.get("html") if "fg-flow" in html.proto.body]
    for name in ("Image", "Trunk", "CWA mask", "CCMP", "Mean (GAP)", "L_dis", "Softmax over places", "L_div"):
        assert f"<b>{name}</b>" in flow
    assert "512 × 6 × 6" in flow
    assert flow.count("<img") == flow.count('alt="') == 12
    assert 'alt=""' not in flow
    assert "This model says" in shown
    assert "this shows mask 1 until you choose another" in shown
    labels = [button.proto.label for button in app.get("download_button")]
    assert "Images of this overview (ZIP)" in labels


@pytest.mark.parametrize(
    ("part", "sign", "charts"),
    [
        ("Discriminality", "What the mask does to the score", 3),
        ("Diversity", "Overlap of each pair of channels", 4),
        ("Classifier", "One group alone, and all but it.", 0),
        ("Loss", "equal to the last digit", 0),
    ],
)
def test_a_link_opens_a_part_and_only_that_is_computed(app, part, sign, charts):
    shown = words(opened(app, part))
    assert sign in shown
    assert len(app.get("plotly_chart")) == charts
    assert {chart.proto.alt != "" for chart in app.get("plotly_chart")} <= {True}
    assert not app.error


def test_a_link_opens_class_contrast_class_and_mask(app):
    link = {"class": NAMES[20], "rival": NAMES[3], "mask": 7}
    shown = words(opened(app, "Discriminality", **link))
    assert f"**{NAMES[20]}** · the class" in shown
    assert f"**{NAMES[3]}** · the contrast class" in shown
    assert "draws mask 7" in shown
    struck = [name for name in tile_names(app, "class") if "<s>" in name]
    assert len(struck) == len(tile_names(app, "class")) // 2


def test_a_link_to_nonsense_keeps_all_channels(app):
    shown = words(opened(app, "Nonsense", mask=-4, **{"class": "Dodo"}))
    assert "What the mask does to the score" in shown
    assert "<s>" not in "".join(tile_names(app, "class"))


def test_at_first_all_channels_are_kept_and_another_mask_drops_half(app):
    opened(app, "Discriminality", **{"class": NAMES[0]})
    assert not any("<s>" in name for name in tile_names(app, "class"))
    assert cells(app)["channels kept"][0] == "21 of 21"
    press(app, "Another mask")
    assert app.number_input(key=mc_session.MASK).value == 1
    after = cells(app)
    assert after["channels kept"][0] == "11 of 21"
    assert float(after["score g, under the mask"][0].split()[0]) <= float(after["score g, all channels"][0])


def test_channels_dropped_by_button_change_score_and_rank_and_can_be_undone(app):
    opened(app, "Discriminality", **{"class": NAMES[0]})
    before = cells(app)
    keep(app, 0, [])
    after = cells(app)
    assert after["channels kept"][0] == "0 of 21"
    assert after["score g, under the mask"][0].split()[0] == "0"
    assert after["rank by g"][0].endswith(f"→ {len(NAMES)} of {len(NAMES)}")
    assert after["score g, all channels"] == before["score g, all channels"]
    assert after["rank by g"][1].split(" → ")[0] == before["rank by g"][1].split(" → ")[0]
    press(app, "Undo my clicks")
    assert cells(app) == before


def test_clicking_a_tile_drops_its_channel_and_clicking_again_takes_it_back(app, monkeypatch):
    from app.methods.mc.page import channels as mc_channels

    opened(app, "Discriminality", **{"class": NAMES[1]})
    (points,) = [trace for trace in figure(app, "mc-mosaic-class")["data"] if trace.get("mode") == "markers"]
    shown = points["customdata"]
    assert [str(number) for number in shown] == tile_names(app, "class")
    session = {"chart": {"selection": {"points": [{"customdata": shown[4]}]}}}
    monkeypatch.setattr(mc_channels.st, "session_state", session)
    group = ("key", 0, 1)
    mc_channels._clicked("chart", group, shown)
    assert mc_session.kept_by_hand(group) == tuple(number for number in shown if number != shown[4])
    mc_channels._clicked("chart", group, mc_session.kept_by_hand(group))
    assert mc_session.kept_by_hand(group) == tuple(shown)


def test_every_weight_share_is_told_with_its_definition(app):
    shown = words(opened(app, "Classifier"))
    assert "slope of the class's logit" in shown
    assert shown.count("its own group (rank") == 4  # weight and contribution, for class and contrast class
    assert shown.count("**Only the 2") == 2
    assert shown.count("**All but the 2") == 2


def test_the_loss_of_the_mask_in_view_stands_beside_the_training_step(app):
    shown = words(opened(app, "Loss"))
    assert "mask 1, as drawn" in shown
    assert "all channels kept" in shown
    app.number_input(key=mc_session.MASK).set_value(5)
    shown = words(ran(app))
    assert "mask 5, as drawn" in shown
    assert "all channels kept" not in shown
    assert "equal to the last digit" in shown


def test_a_drawn_bird_gives_the_true_class_and_one_click_asks_about_it(app):
    truth = "Ring-eyed Ash Warbler"
    assert f"True class: **{truth}**." in words(opened(app, "Loss", **{"class": NAMES[3]}))
    press(app, "The true class")
    assert app.selectbox(key=state.classes.CLASS).value == truth
    press(app, "What it predicts")
    assert app.selectbox(key=state.classes.CLASS).value == state.classes.FIRST_CHOICE


def test_a_true_class_that_nobody_knows_is_not_offered(app):
    app.query_params["picture"] = "Car"
    shown = words(opened(app, "Loss"))
    assert "as the true one is not known" in shown
    assert "other-class" not in [button.key for button in app.button]


def test_smoothed_labels_are_told_beside_the_cross_entropy():
    for smoothing, told in ((0.1, "−log p(true), labels smoothed by 0.1"), (0.0, "−log p(true)")):
        experiment = SimpleNamespace(loss=SimpleNamespace(label_smoothing=smoothing))
        entry = SimpleNamespace(checkpoint=SimpleNamespace(experiment=experiment))
        assert Case(entry, *[None] * 8).cross_entropy == told


def test_the_numbers_are_json_and_csv_and_agree_with_the_page(app, monkeypatch):
    cases = []
    monkeypatch.setattr(mc_page, "downloads", cases.append)
    opened(app, "Loss", mask=2, **{"class": NAMES[5]})
    values = json.loads(json.dumps(numbers.document(cases[-1]), allow_nan=False))
    assert values["classes"][0]["class"] == NAMES[5]
    assert values["loss"]["equal"] is True
    assert values["loss"]["shown"] == values["loss"]["training"]
    assert len(values["mask"]["dropped_channels"]) == 24 * 10 + 8  # 16 groups of 21 and 8 of 22
    lines = numbers.rows_of(values).splitlines()
    assert lines[0] == "quantity,value"
    assert f"loss.shown.total,{values['loss']['shown']['total']}" in lines
    assert str(np.float32(values["loss"]["shown"]["total"])) in words(app)


def test_a_network_trained_with_another_loss_is_measured_by_default_settings_and_the_page_says_so(
    app, tmp_path, monkeypatch
):
    torch.manual_seed(0)
    experiment = Experiment(
        "mc_plain", model=small("mc", len(NAMES)), loss=LossConfig("ce"),
        data=DataConfig("synthetic_birds", resize=104, crop=96, normalise="imagenet"),
    )  # fmt: skip
    checkpoint.save(tmp_path / "mc_plain.safetensors", build_model(experiment.model), experiment, NAMES, {}, {})
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    shown = words(opened(app, "Loss"))
    assert "default (this network was trained with Cross-entropy) μ, λ" in shown
    assert "equal to the last digit" in shown


def test_without_a_model_the_page_says_what_to_do(app, tmp_path, monkeypatch):
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    assert "No model to ask yet" in words(ran(app))


def test_with_other_models_only_the_page_asks_for_an_mc_loss_model(app):
    ran(app)
    label_set = checkpoints.catalogue().label_sets[0]
    app.pills(key=state.sidebar.MODELS.format(label_set=label_set.key)).set_value(
        [str(entry.path) for entry in label_set.entries if entry.method != "mc"]
    )
    assert "Choose an MC-Loss model in the sidebar: MC-Loss." in words(ran(app))
    assert not app.get("plotly_chart")


def test_a_label_set_without_an_mc_loss_model_is_told(app):
    app.query_params["picture"] = "Photo"
    ran(app)
    app.file_uploader(key=state.sidebar.UPLOAD).set_value(("reeds.jpg", photograph(), "image/jpeg"))
    shown = words(ran(app))
    assert "No MC-Loss model here" in shown
    assert "CUB-200-2011, 3 classes" in shown
    assert len(PHOTO_CLASSES) == 3


def test_of_several_models_one_is_shown(app, folder, tmp_path, monkeypatch):
    shutil.copy(folder / "mc_birds.safetensors", tmp_path / "mc_birds.safetensors")
    write_checkpoint(tmp_path / "mc_other.safetensors", "mc", NAMES, "synthetic_birds")
    monkeypatch.setenv(checkpoints.VARIABLE, str(tmp_path))
    ran(app)
    label_set = checkpoints.catalogue().label_sets[0]
    app.pills(key=state.sidebar.MODELS.format(label_set=label_set.key)).set_value(
        [str(entry.path) for entry in label_set.entries]
    )
    ran(app)
    (choice,) = [control for control in app.segmented_control if control.key == mc_session.NETWORK]
    assert choice.options == ["MC-Loss (mc_birds)", "MC-Loss (mc_other)"]
    choice.set_value(choice.options[1])
    ran(app)
    assert "This model says" in words(app)


def test_the_small_images_are_drawn_from_what_they_are_given():
    import base64
    import io

    from PIL import Image

    def pixels(address):
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))))

    bars = pixels(flow.bars(np.array([1.0, -1.0, 0.5]), {1: "#2a93ab"}))
    opaque = bars[..., 3] > 0
    width = bars.shape[1] // 3
    heights = [int(opaque[:, column * width].sum()) for column in range(3)]
    assert heights[0] == pytest.approx(48, abs=2)
    assert heights[2] == pytest.approx(24, abs=2)
    assert opaque[-1, width]
    assert bars[-1, width].tolist() == [0x2A, 0x93, 0xAB, 255]  # down, in its own colour
    tiles = pixels(flow.tiles(np.ones((3, 2, 2)), np.array([True, False, True]), columns=2))
    assert len(np.unique(tiles[..., 3])) == 2  # the fourth place stays clear
    everything = pixels(flow.all_channels(np.eye(5)[:, None], (2, 3), {0: "#2a93ab"}))
    assert everything[0, 0].tolist() == [0x2A, 0x93, 0xAB, 255]
