"""A whole analysis of small untrained networks: tables, resuming, several processes, refusals."""

import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from conftest import ROOT
from evaluation_helpers import DRAWN, NAMES, write_model, write_models
from fgcore.__main__ import main
from fgcore.data import datasets
from fgcore.evaluation import run, store
from fgcore.evaluation.chunk import Settings
from fgcore.evaluation.maps import CONTROLS
from fgcore.inspection.inspector import Inspector
from training_helpers import CLASSES, draw_pictures, tiny

SETTINGS = Settings(faithfulness=2, steps=2, resamples=20, batch=2, chunk=3)
COMMAND = ["--faithfulness", "2", "--steps", "2", "--resamples", "20", "--batch", "2", "--chunk", "3"]


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def analysis(checkpoints, tmp_path_factory):
    folder = tmp_path_factory.mktemp("analysis")
    assert run.analyse(checkpoints, folder, SETTINGS)
    return store.read(folder)


def test_every_model_and_picture_has_a_row_and_every_map_another(analysis):
    models = ["baseline_birds", "mc_birds", "ap_birds"]
    assert analysis.images["model"].unique().tolist() == models
    assert (analysis.images.groupby("model").size() == len(NAMES)).all()
    assert analysis.images["index"].tolist() == list(range(len(NAMES))) * 3
    maps = {model: rows["map"].unique().tolist() for model, rows in analysis.maps.groupby("model")}
    assert maps["baseline_birds"] == ["gradcam", "random", "centre"]
    assert maps["mc_birds"] == ["gradcam", "ccmp", "channel", "random", "centre"]
    assert maps["ap_birds"] == ["gradcam", "rois", "gate3", "gate4", "gate5", "zoom", "random", "centre"]


def test_the_rows_are_what_inspection_shows(analysis, checkpoints):
    pictures = datasets.load(DRAWN, cache_images=False).test
    for path, model in zip(checkpoints, ("baseline_birds", "mc_birds", "ap_birds"), strict=True):
        shown = Inspector(path).set_image(pictures.image(5)).explanation(cam=False)
        row = analysis.images[(analysis.images["model"] == model) & (analysis.images["index"] == 5)].iloc[0]
        assert row["prediction"] == shown.prediction.best
        assert row["probability"] == pytest.approx(shown.prediction.probabilities[5], rel=1e-4)
        if shown.method == "mc":
            assert row["group_rank"] == 1 + (shown.detail.scores > shown.detail.scores[5]).sum()
            assert row["diversity"] == pytest.approx(shown.detail.diversity[5], rel=1e-4)
        if shown.method == "ap":
            assert row["zoom_factor"] == pytest.approx(shown.detail.zoom_factor)
            gain = shown.detail.stage2_mean.probabilities[5] - shown.detail.stage1_mean.probabilities[5]
            assert row["zoom"] == pytest.approx(gain, abs=1e-5)


def test_controls_stand_in_every_table(analysis):
    for table in (analysis.summary, analysis.classes):
        for _, rows in table.groupby("model"):
            assert set(CONTROLS) <= set(rows["map"])
    measured = analysis.summary[~analysis.summary["map"].isin([*CONTROLS, "model"])]
    with_way = measured[measured["measure"] != "zoom_factor"]
    assert with_way["control"].notna().all()
    assert set(with_way["against"]) <= {"wins", "ties", "loses"}
    assert {"group_rank", "parts_covered", "zoom", "drop_level3"} <= set(
        analysis.summary.loc[analysis.summary["map"] == "random", "measure"]
    )


def test_the_random_map_is_the_same_for_every_model_and_differs_between_pictures(analysis):
    energy = analysis.maps[analysis.maps["map"] == "random"].pivot(index="index", columns="model", values="energy_box")
    np.testing.assert_allclose(energy["baseline_birds"], energy["mc_birds"])
    assert energy["baseline_birds"].nunique() > 5


def test_curves_are_drawn_for_the_chosen_pictures_only(analysis):
    chosen = run.faithful_images(len(NAMES), SETTINGS)
    assert len(chosen) == 2
    with_curve = analysis.maps[analysis.maps["deletion"].notna()]
    assert set(with_curve["index"]) == chosen
    assert set(CONTROLS) <= set(with_curve["map"])
    assert run.faithful_images(5, dataclasses.replace(SETTINGS, faithfulness=-1)) == frozenset(range(5))


def test_the_summary_is_json_with_its_origin(analysis):
    document = json.loads((analysis.folder / "summary.json").read_text())
    assert [model["method"] for model in document["about"]["models"]] == ["baseline", "mc", "ap"]
    assert len(document["models"]) == len(analysis.summary)
    assert len(document["classes"]) == len(analysis.classes)


def test_an_interrupted_analysis_goes_on_and_ends_in_the_same_tables(analysis, checkpoints, tmp_path, monkeypatch):
    def stop(done, total):
        if done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.analyse(checkpoints, tmp_path, SETTINGS, on_chunk=stop)
    with pytest.raises(FileNotFoundError, match=r"images\.parquet is not there; run `python -m fgcore analyse`"):
        store.read(tmp_path)
    measured = []
    measure = run.measure
    monkeypatch.setattr(run, "measure", lambda *args: measured.append(args[1].start) or measure(*args))
    assert run.analyse(checkpoints, tmp_path, SETTINGS)
    assert measured == list(range(6, len(NAMES), 3))
    again = store.read(tmp_path)
    for name in ("images", "maps", "summary", "classes"):
        assert_frame_equal(getattr(again, name), getattr(analysis, name))


def test_two_processes_give_the_same_tables_as_one(analysis, checkpoints, tmp_path):
    models = [word for path in checkpoints for word in ("--checkpoint", str(path))]
    command = [
        sys.executable,
        "-m",
        "fgcore",
        "analyse",
        *models,
        "--data",
        "synthetic_birds",
        *COMMAND,
        "--out",
        str(tmp_path),
        "--device",
        "cpu",
    ]
    world = {"WORLD_SIZE": "2", "OMP_NUM_THREADS": "1"}
    both = [
        subprocess.Popen(
            command, cwd=ROOT, env=os.environ | world | {"RANK": rank}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        for rank in "01"
    ]
    outputs = [process.communicate(timeout=300)[0].decode() for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert any("done: " in text for text in outputs)
    shared = store.read(tmp_path)
    for name in ("images", "maps", "summary", "classes"):
        assert_frame_equal(getattr(shared, name), getattr(analysis, name), rtol=1e-4, atol=1e-6)


def test_the_process_that_comes_first_leaves_the_tables_to_the_last(checkpoints, analysis, tmp_path):
    first, second = run.Share(0, 2), run.Share(1, 2)
    assert not run.analyse(checkpoints[:1], tmp_path, SETTINGS, share=first)
    assert not (tmp_path / "summary.csv").exists()
    assert run.analyse(checkpoints[:1], tmp_path, SETTINGS, share=second)
    assert_frame_equal(
        store.read(tmp_path).images.dropna(axis=1),
        analysis.images[analysis.images["model"] == "baseline_birds"].dropna(axis=1),
    )


def test_a_folder_of_another_analysis_is_refused(analysis, checkpoints, capsys):
    arguments = ["analyse", "--checkpoint", str(checkpoints[0]), *COMMAND, "--out", str(analysis.folder)]
    assert main(arguments) == 2
    assert "holds an analysis with other models; choose another folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"split": "val"}, "split should be test or train, got 'val'"),
        ({"steps": 0}, "steps should be at least 1, got 0"),
        ({"radius": 0.0}, "radius should be a share"),
    ],
)
def test_settings_that_mean_nothing_are_refused(checkpoints, tmp_path, settings, words):
    with pytest.raises(ValueError, match=words):
        run.analyse(checkpoints, tmp_path, dataclasses.replace(SETTINGS, **settings))


def test_models_of_other_pictures_or_names_are_refused(checkpoints, tmp_path):
    other = write_model(tmp_path / "fewer.safetensors", "baseline", dataclasses.replace(DRAWN, test_per_class=2))
    with pytest.raises(ValueError, match=r"fewer\.safetensors was trained on other images than baseline_birds"):
        run.analyse([checkpoints[0], other], tmp_path / "a", SETTINGS)
    three = write_model(tmp_path / "three.safetensors", "baseline", names=NAMES[:3])
    with pytest.raises(ValueError, match=rf"three\.safetensors knows 3 classes, the data has {len(NAMES)}"):
        run.analyse([three], tmp_path / "b", SETTINGS)


def test_an_unreadable_picture_has_no_row(tmp_path):
    root = draw_pictures(tmp_path / "pictures", train=2, test=2)
    names = sorted(CLASSES)
    (root / "test" / names[1] / "0.png").write_bytes(b"no picture")
    path = write_model(tmp_path / "m.safetensors", "mc", tiny("").data, names)
    data = {"root": str(root)}
    assert run.analyse([path], tmp_path / "out", dataclasses.replace(SETTINGS, chunk=3), data=data)
    found = store.read(tmp_path / "out")
    assert len(found.images) == 5
    assert found.maps["energy_box"].isna().all()  # nothing is annotated
    assert isinstance(found.summary, pd.DataFrame)
