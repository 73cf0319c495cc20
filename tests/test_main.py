import csv
import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from conftest import ROOT
from fgcore import presets
from fgcore.__main__ import COMMANDS, main
from fgcore.checkpoints import checkpoint
from fgcore.config import ModelConfig
from fgcore.data.images import encode_png, pixels_sha256
from fgcore.methods import build_model
from training_helpers import draw_pictures, official_names, tiny


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def preset(root, monkeypatch):
    """A preset called tiny."""
    monkeypatch.setitem(presets.PRESETS, "tiny", lambda: tiny("", "ap", epochs=1))
    return f"data.root={root}"


@pytest.fixture
def trained(preset, tmp_path, capsys):
    folder = tmp_path / "run"
    assert main(["train", "tiny", preset, "--out", str(folder), "--device", "cpu"]) == 0
    capsys.readouterr()
    return folder


def test_training_says_what_every_epoch_brought(preset, tmp_path, capsys):
    assert main(["train", "tiny", preset, "epochs=2", "--out", str(tmp_path / "run")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[:2]] == ["epoch 1/2", "epoch 2/2"]
    assert lines[2] == f"done: {tmp_path}/run/best.safetensors, {tmp_path}/run/last.safetensors"
    assert "stage2/concat" in lines[0]


def test_the_checkpoint_holds_the_command_without_this_machines_folders(trained):
    path = trained / "best.safetensors"
    assert checkpoint.read_metadata(path).provenance["command"] == "python -m fgcore train tiny data.root=DIR"
    assert str(trained.parent.parent).encode() not in path.read_bytes()


def test_the_default_folder_is_named_after_preset_and_seed(preset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["train", "tiny", preset, "seed=3"]) == 0
    assert (tmp_path / "runs" / "tiny-3" / "best.safetensors").is_file()


def test_runs_are_listed_and_compared(trained, preset, tmp_path, capsys):
    assert main(["train", "tiny", preset, "lr=0.002", "--out", str(tmp_path / "other")]) == 0
    capsys.readouterr()
    assert main(["runs", str(tmp_path)]) == 0
    header, _, *rows = capsys.readouterr().out.splitlines()
    assert {"preset", "method", "epochs_done", "best_top1", "seconds", "state"} <= set(header.split())
    assert [row.split()[0] for row in rows] == ["other", "run"]
    assert all(row.endswith("finished") for row in rows)
    assert main(["runs", str(trained), str(tmp_path / "other")]) == 0
    text = capsys.readouterr().out
    (line,) = [line for line in text.splitlines() if line.startswith("optim.lr")]
    assert line.split() == ["optim.lr", "0.001", "0.002"]
    assert "test top-1 (%)" in text
    assert main(["runs", str(trained), str(tmp_path / "other"), str(tmp_path)]) == 2
    assert "expected one folder of runs, or two runs to compare, got 3" in capsys.readouterr().err


def test_a_folder_without_runs_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["runs"]) == 2
    assert "expected a folder of runs, found none at runs" in capsys.readouterr().err
    (tmp_path / "runs").mkdir()
    assert main(["runs"]) == 0
    assert capsys.readouterr().out == "no runs in runs\n"


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "pictures holds no images: expected CLASS/image.jpg, or train/CLASS/image.jpg"),
        (["red finch"], "at least two classes, got 1"),
        (["red finch", "blue finch"], "and test/CLASS/image.jpg, got blue finch, red finch; choose the folder that"),
    ],
)
def test_an_image_folder_without_classes_or_pictures_is_refused(preset, tmp_path, capsys, names, sentence):
    (pictures := tmp_path / "pictures").mkdir()
    for name in names:
        (pictures / name).mkdir()
    if len(names) == 1:
        for number in "12":
            (pictures / names[0] / f"{number}.png").write_bytes(encode_png(np.zeros((72, 72, 3), np.uint8)))
    assert main(["train", "tiny", f"data.root={pictures}", "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert error.strip().count("\n") == 0
    assert sentence in error


def test_evaluation_prints_every_head_and_writes_json(trained, root, tmp_path, capsys):
    path = str(trained / "best.safetensors")
    assert (
        main(["evaluate", path, "--data", f"root={root}", "--json", str(tmp_path / "scores.json"), "--per-class"]) == 0
    )
    text = capsys.readouterr().out
    assert all(name in text for name in ("stage I level3", "stage II mean", "red finch", "fp32"))
    (score,) = json.loads((tmp_path / "scores.json").read_text())
    assert (score["images"], len(score["heads"]), len(score["classes"])) == (15, 11, 3)
    assert score["checkpoint"] == path
    assert score["sha256"] == checkpoint.read_metadata(path).sha256


def test_evaluation_leaves_out_what_cannot_be_read_and_says_so(trained, root, tmp_path, capsys):
    shutil.copytree(root, copy := tmp_path / "pictures")
    (copy / "test" / "red finch" / "0.png").write_bytes(b"no picture")
    assert main(["evaluate", str(trained / "best.safetensors"), "--data", f"root={copy}"]) == 0
    text = capsys.readouterr().out
    assert "14 test images, 1 unreadable left out (test/red finch/0.png)" in text


def test_evaluation_on_a_folder_of_other_classes_scores_those_that_are_known_and_names_the_rest(
    trained, tmp_path, capsys
):
    (other := draw_pictures(tmp_path / "other")).joinpath("train/red finch").rename(other / "train/tit")
    other.joinpath("test/red finch").rename(other / "test/tit")
    assert main(["evaluate", str(trained / "best.safetensors"), "--data", f"root={other}"]) == 0
    text = capsys.readouterr().out
    assert "folders of classes that the model does not know, left out (1): tit (13)" in text
    assert "2 of the model's 3 classes: 26 labelled images" in text
    for name in ("green finch", "blue finch"):
        for part in ("train", "test"):
            shutil.rmtree(other / part / name)
    assert main(["evaluate", str(trained / "best.safetensors"), "--data", f"root={other}"]) == 2
    assert "none is called like a class that the model knows" in capsys.readouterr().err


def test_evaluation_of_one_image_a_class(trained, root, tmp_path, capsys):
    for name in ("red finch", "blue finch"):
        (tmp_path / "few" / name).mkdir(parents=True)
        shutil.copy(root / "test" / name / "0.png", tmp_path / "few" / name)
    assert main(["evaluate", str(trained / "best.safetensors"), "--data", f"root={tmp_path / 'few'}"]) == 0
    assert "2 of the model's 3 classes: 2 labelled images" in capsys.readouterr().out


def test_evaluation_on_labelled_photos_of_some_classes(trained, root, tmp_path, capsys):
    photos = tmp_path / "photos"
    shutil.copytree(root / "test" / "red finch", photos / "Red_Finch")
    shutil.copytree(root / "train" / "blue finch", photos / "blue finch")
    shutil.copytree(root / "test" / "blue finch", photos / "dodo")
    argv = ["evaluate", str(trained / "best.safetensors"), "--photos", str(photos)]
    assert main([*argv, "--json", str(tmp_path / "s.json"), "--confusion", str(tmp_path / "c.csv")]) == 0
    text = capsys.readouterr().out
    assert "2 of the model's 3 classes" in text
    assert "folders of classes that the model does not know, left out (1): dodo (5)" in text
    assert "folders taken for classes of a slightly other name (1): Red_Finch = red finch" in text
    (score,) = json.loads((tmp_path / "s.json").read_text())
    counts = {one["name"]: one["images"] for one in score["classes"]}
    assert score["images"] == sum(counts.values()) == 5 + len(list((root / "train" / "blue finch").iterdir()))
    tested = [one["top1"] for one in score["classes"] if one["images"]]
    assert score["class_mean"] == pytest.approx(sum(tested) / 2)
    assert f"mean of 2 classes: {100 * score['class_mean']:.2f} % top-1" in text
    rows = list(csv.DictReader((tmp_path / "c.csv").read_text().splitlines()))
    assert sum(int(row["images"]) for row in rows) == score["images"]
    assert {row["class"] for row in rows} == {"red finch", "blue finch"}
    assert main([*argv, "--data", "root=x"]) == 2
    assert "--photos and --data both say what to evaluate on" in capsys.readouterr().err


def test_explaining_writes_panels_numbers_and_a_report_with_all_of_them(trained, tmp_path, capsys):
    pixels = np.random.default_rng(0).integers(0, 256, (80, 96, 3), dtype=np.uint8)
    (photo := tmp_path / "finch.png").write_bytes(encode_png(pixels))
    folder = tmp_path / "explained"
    checkpoints = [word for name in ("best", "last") for word in ("--checkpoint", str(trained / f"{name}.safetensors"))]
    assert main(["explain", str(photo), *checkpoints, "--out", str(folder)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"done: {folder}/report.html, {folder}/explanation.json"
    best, last = json.loads((folder / "explanation.json").read_text())
    assert {path.name for path in folder.glob("*.png")} == {*best["panels"], *last["panels"]}
    assert "run-best-ap_zoomed.png" in best["panels"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<h1>finch.png</h1>" in page
    assert pixels_sha256(pixels) in page
    assert all(f"<h2>run-{name}</h2>" in page for name in ("best", "last"))
    assert all(f"{model['top'][0]['probability']:.6f}" in page for model in (best, last))
    sources = re.findall(r'src="([^"]{22})', page)
    side_by_side = 1 + 2  # the image itself, and what both models' Grad-CAMs say, before each model on its own
    assert len(sources) == len(best["panels"] + last["panels"]) - 2 + side_by_side
    assert set(sources) == {"data:image/png;base64,"}


def test_predictions_of_a_folder_are_a_table_that_a_second_run_continues(trained, root, tmp_path, capsys):
    shutil.copytree(root / "test", photos := tmp_path / "photos")
    (photos / "red finch" / "0.png").write_bytes(b"no picture")
    out = tmp_path / "predictions.csv"
    best, last = ([f"--checkpoint={trained}/{name}.safetensors"] for name in ("best", "last"))
    assert main(["predict", str(photos), *best, "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "photos that cannot be read (1), see the column error: " in text
    assert text.splitlines()[-1] == f"done: {out}, 15 photos by 1 checkpoint"
    first = list(csv.DictReader(out.read_text().splitlines()))
    assert sum(row["error"] == "" for row in first) == 14
    assert {row["rank1_class"] for row in first} <= {"green finch", "red finch", "blue finch", ""}
    panels = tmp_path / "panels"
    some = [str(photos / "red finch"), str(photos / "blue finch" / "*.png")]
    assert main(["predict", *some, *best, *last, "--out", str(out), "--panels", str(panels)]) == 0
    assert f"9 rows were in {out} before" in capsys.readouterr().out
    rows = list(csv.DictReader(out.read_text().splitlines()))
    kept = [row for row in first if not row["error"]]
    assert rows[: len(kept)] == kept
    assert [row["checkpoint"].endswith("last.safetensors") for row in rows[len(kept) :]].count(True) == 10
    assert {folder.name for folder in panels.iterdir()} == {"0", *"1234", *(f"{n}-2" for n in "1234")}
    assert (panels / "0" / "report.html").is_file()


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["train", "nothing"], "no preset is called 'nothing'"),
        (["train", "tiny", "epochs=soon"], "optim.epochs takes int, got 'soon'"),
        (["train", "tiny", "epochs"], "expected a setting as key=value, got 'epochs'"),
        (["train", "tiny", "layers=3"], "setting 'layers' is none of"),
        (["train", "tiny", "data.root=nowhere"], "nowhere"),
        (["train", "tiny", "--device", "tpu9"], "expected a device such as cpu"),
        (["evaluate", "nowhere.safetensors"], "expected a checkpoint at nowhere.safetensors, found nothing"),
        (["explain", "nowhere.jpg", "--checkpoint", "nowhere.safetensors"], "expected an image at nowhere.jpg"),
        (
            ["predict", "nowhere.jpg", "--checkpoint", "a.pth", "--out", "p.csv"],
            "expected an image or a folder at nowhere",
        ),
        (
            ["predict", ".", "--checkpoint", "a.pth", "--out", "p.csv", "--batch", "0"],
            "batch should be at least 1 photo",
        ),
        (["convert", "nowhere.pth", "out.safetensors"], "expected a file of weights at nowhere.pth, found nothing"),
        (["presets", "nothing"], "no preset is called 'nothing'"),
    ],
)
def test_an_expected_error_is_one_sentence_and_exit_code_2(preset, argv, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(argv) == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.strip().count("\n") == 0


def test_a_second_run_in_the_same_folder_is_refused_and_resuming_is_not(trained, preset, capsys):
    arguments = ["train", "tiny", preset, "--out", str(trained)]
    assert main(arguments) == 2
    assert "already holds a run; continue it with --resume" in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 0


def test_converting_writes_full_precision_unless_asked(tmp_path, capsys):
    state = official_names(build_model(ModelConfig("ap", "resnet18", num_classes=5, hidden=8)).state_dict())
    torch.save(state, tmp_path / "a.pth")
    target = tmp_path / "a.safetensors"
    assert main(["convert", str(tmp_path / "a.pth"), str(target), "--dataset", "cub"]) == 0
    full = target.stat().st_size
    assert "resnet18, 5 classes" in capsys.readouterr().out
    assert main(["convert", str(tmp_path / "a.pth"), str(target), "--half"]) == 0
    assert target.stat().st_size < 0.6 * full


def test_converting_takes_the_names_of_own_classes(tmp_path, capsys):
    state = official_names(build_model(ModelConfig("ap", "resnet18", num_classes=3, hidden=8)).state_dict())
    torch.save(state, tmp_path / "a.pth")
    (tmp_path / "names.txt").write_text(
        "\ufeffReed Warbler\r\nMarsh Warbler\r\n\r\nSedge Warbler\r\n", encoding="utf-8"
    )
    target = tmp_path / "a.safetensors"
    argv = ["convert", str(tmp_path / "a.pth"), str(target), "--dataset", "folder", "--names"]
    assert main([*argv, str(tmp_path / "names.txt")]) == 0
    assert checkpoint.read_metadata(target).class_names == ("Reed Warbler", "Marsh Warbler", "Sedge Warbler")
    (tmp_path / "names.txt").write_text("one\ntwo\n")
    assert main([*argv, str(tmp_path / "names.txt")]) == 2
    assert "knows 3 classes, got 2 names; name each of them" in capsys.readouterr().err


def test_presets_are_listed_and_shown(capsys):
    assert main(["presets"]) == 0
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(presets.PRESETS)
    assert main(["presets", "mc_cub50"]) == 0
    text = capsys.readouterr().out
    assert json.loads(text[text.index("{") :])["name"] == "mc_cub50"


def test_the_module_runs_as_a_program():
    command = [sys.executable, "-m", "fgcore", "--help"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in COMMANDS)
