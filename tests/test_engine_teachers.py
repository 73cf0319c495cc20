"""Learning from trained models' answers."""

import dataclasses

import pytest
import torch

from engine_helpers import draw_pictures, replaced, tiny
from fgcore.data import datasets, transforms
from fgcore.engine import checkpoint, loop
from fgcore.engine.folder import RunFolder
from fgcore.engine.session import prepare
from fgcore.engine.teachers import Teachers

NAMES = ("blue finch", "green finch", "red finch")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def taught_by(root, tmp_path_factory):
    """Two trained teachers, an MC-Loss and an AP-CNN network."""
    folder = tmp_path_factory.mktemp("teachers")
    for method in ("mc", "ap"):
        list(loop.train(tiny(root, method, epochs=1), folder / method))
    return tuple(str(folder / method / "last.safetensors") for method in ("mc", "ap"))


def student(root, teachers, temperature=1.0, **optim):
    return dataclasses.replace(tiny(root, **optim), teachers=teachers, teacher_temperature=temperature)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_the_answer_is_the_mean_of_the_teachers_probabilities(root, taught_by, temperature):
    teachers = Teachers(student(root, taught_by, temperature), NAMES, torch.device("cpu"))
    inputs = torch.randn(4, 3, 64, 64)
    answer = teachers(inputs, "fp32")
    models = [checkpoint.load(path)[0].eval() for path in taught_by]
    with torch.no_grad():
        expected = sum((model(inputs).logits / temperature).softmax(1) for model in models) / 2
    torch.testing.assert_close(answer, expected)
    assert not answer.requires_grad
    torch.testing.assert_close(teachers(inputs[:1], "fp32"), answer[:1])  # a picture's answer is its own


@pytest.mark.parametrize("mixup", [0.0, 0.5])
def test_what_is_learnt_is_the_answer_to_the_very_view_and_not_the_label(root, taught_by, tmp_path, mixup):
    experiment = student(root, taught_by, mixup=mixup)
    session = prepare(experiment, RunFolder(tmp_path / "run"), resume=False, command="", device=torch.device("cpu"))
    images = torch.randint(0, 256, (4, 3, 64, 64), dtype=torch.uint8)
    inputs, targets = loop._inputs(session, images, torch.tensor([0, 1, 2, 0]), 0)
    others = loop._inputs(session, images, torch.tensor([2, 2, 1, 1]), 0)
    session.close()
    torch.testing.assert_close(targets, session.teachers(inputs, "fp32"))
    assert torch.equal(inputs, others[0])
    assert torch.equal(targets, others[1])


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_a_taught_run_resumes_to_the_same_bits_and_tells_who_taught_it(root, taught_by, tmp_path, method):
    experiment = dataclasses.replace(tiny(root, method, epochs=2), teachers=taught_by)
    reports = list(loop.train(experiment, tmp_path / "whole"))
    stopped = loop.train(experiment, tmp_path / "stopped")
    next(stopped)
    stopped.close()
    assert next(loop.train(experiment, tmp_path / "stopped", resume=True)).terms == reports[1].terms
    whole = checkpoint.read_metadata(tmp_path / "whole" / "last.safetensors")
    assert whole.experiment.teachers == ("last.safetensors", "last.safetensors")  # no folders of this machine
    assert [teacher["sha256"] for teacher in whole.provenance["teachers"]] == [
        checkpoint.read_metadata(path).sha256 for path in taught_by
    ]


def test_a_student_comes_closer_to_its_teacher_than_to_the_labels_it_never_sees(root, taught_by, tmp_path):
    """The mean answer of barely trained teachers is nearly flat; so is that of a student who has learnt it."""
    experiment = student(root, taught_by, epochs=6, lr=0.02, trunk_lr=0.02)
    list(loop.train(experiment, tmp_path / "taught"))
    list(loop.train(dataclasses.replace(experiment, teachers=()), tmp_path / "told"))
    pictures = datasets.load(experiment.data).train
    inputs = transforms.normalise(torch.stack([pictures[index][0] for index in range(len(pictures))]), experiment.data)
    answer = Teachers(experiment, NAMES, torch.device("cpu"))(inputs, "fp32")
    distances = {}
    for name in ("taught", "told"):
        with torch.no_grad():
            said = checkpoint.load(tmp_path / name / "last.safetensors")[0].eval()(inputs).logits.softmax(1)
        distances[name] = (said - answer).abs().sum(1).mean().item()
    assert distances["taught"] < 0.7 * distances["told"]


def test_teachers_that_cannot_teach_are_refused_in_one_sentence(root, taught_by, tmp_path):
    experiment = student(root, taught_by[:1])
    for wrong, message in (
        (replaced(experiment, "data", crop=32), r"teacher last.safetensors was trained with data.crop=64, .* has 32"),
        (replaced(experiment, "data", normalise="half"), "data.normalise=imagenet, this run has half; choose the same"),
        (student(root, taught_by, 0.0), "teacher_temperature should be above 0, got 0.0"),
        (replaced(experiment, "data", classes=2), "knows 3 classes from 'blue finch' on, the data has 2"),
    ):
        with pytest.raises(ValueError, match=message):
            list(loop.train(wrong, tmp_path / "wrong"))
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
        list(loop.train(dataclasses.replace(experiment, teachers=("none.safetensors",)), tmp_path / "wrong"))
