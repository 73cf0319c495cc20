import dataclasses

import pytest
import torch

from fgcore.data import datasets
from fgcore.evaluation.evaluation import evaluate, network_input
from fgcore.methods import build_model
from fgcore.training.loop import settled
from training_helpers import CLASSES, draw_pictures, tiny


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


def test_evaluation_counts_every_picture_once_whatever_the_batch(root):
    experiment = settled(tiny(root), 3)
    model = build_model(experiment.model).eval()
    images = datasets.load(experiment.data).test
    whole = evaluate(model, images, experiment.data, batch_size=15)
    parts = evaluate(model, images, experiment.data, batch_size=4)
    assert whole.images == parts.images == 15
    assert [score.images for score in whole.classes] == [5, 5, 5]
    assert [score.name for score in whole.classes] == sorted(CLASSES)
    assert dataclasses.replace(whole, seconds=0) == dataclasses.replace(parts, seconds=0)


def test_evaluation_leaves_the_model_as_it_was(root):
    experiment = settled(tiny(root), 3)
    model = build_model(experiment.model)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    evaluate(model, datasets.load(experiment.data).test, experiment.data)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_scores_are_those_of_predictions_made_one_by_one(root):
    experiment = settled(tiny(root, "ap"), 3)
    torch.manual_seed(0)
    model = build_model(experiment.model).eval()
    images = datasets.load(experiment.data).test
    hits = 0
    with torch.no_grad():
        for picture, target in (images[i] for i in range(len(images))):
            inputs = network_input(picture[None], experiment.data, torch.device("cpu"))
            hits += int(model(inputs).logits.argmax()) == target
    assert evaluate(model, images, experiment.data, batch_size=7).top1 == hits / 15


def test_progress_ends_at_the_number_of_pictures(root):
    experiment = settled(tiny(root), 3)
    done = []
    images = datasets.load(experiment.data).test
    evaluate(build_model(experiment.model), images, experiment.data, batch_size=4, on_batch=done.append)
    assert done == [4, 8, 12, 15]
