import dataclasses
import threading

import numpy as np
import pytest
import torch

from fgcore.checkpoints.checkpoint import Checkpoint
from fgcore.config import DataConfig, Experiment
from fgcore.data.images import ImageError
from fgcore.inspection.inspector import Inspector, Loaded
from fgcore.methods import METHODS, build_model
from fgcore.prediction.photos import Photo
from fgcore.prediction.predict import TOP, Model, predict
from small_models import small

DATA = {"small": DataConfig(resize=72, crop=64), "wide": DataConfig(resize=96, crop=96, square=True)}


def model(method="baseline", classes=7, data="small", name="m"):
    torch.manual_seed(classes)
    config = small(method, classes)
    experiment = Experiment(model=config, data=dataclasses.replace(DATA[data], normalise="imagenet"))
    names = tuple(f"class {number}" for number in range(classes))
    source = Checkpoint(None, f"sha of {name}", experiment, names, {}, {})
    return Model(name, Loaded(build_model(config).eval().requires_grad_(False), source))


def pictures(count):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (80 + 7 * n, 120, 3), dtype=np.uint8) for n in range(count)]


def photos(images):
    return [Photo(f"{n}.png", lambda image=image: image) for n, image in enumerate(images)]


@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_batch_says_what_the_inspector_says_of_each_image(method):
    images, asked = pictures(5), model(method)
    rows = [row for (row,) in predict(photos(images), [asked], batch_size=2)]
    assert [row.image for row in rows] == [f"{n}.png" for n in range(5)]
    for image, row in zip(images, rows, strict=True):
        said = Inspector(asked.loaded).set_image(image).prediction.top(TOP)
        assert [name for name, _ in row.top] == [f"class {index}" for index, _ in said]
        np.testing.assert_allclose([share for _, share in row.top], [share for _, share in said], rtol=1e-4, atol=1e-6)


def test_every_model_sees_the_image_prepared_its_own_way_and_it_is_read_once():
    reads = []
    image = pictures(1)[0]
    models = [model(data="small", name="a"), model(data="wide", name="b"), model(classes=3, name="c")]
    (rows,) = predict([Photo("x", lambda: reads.append(1) or image)], models)
    assert len(reads) == 1
    for asked, row in zip(models, rows, strict=True):
        best, share = Inspector(asked.loaded).set_image(image).prediction.top(1)[0]
        assert row.model is asked
        assert row.top[0] == (f"class {best}", pytest.approx(share, rel=1e-4))
    assert [len(row.top) for row in rows] == [5, 5, 3]


def test_what_cannot_be_read_is_a_row_with_the_reason_and_the_others_go_on():
    def broken():
        raise ImageError("`y` is damaged")

    def forbidden():
        raise PermissionError(13, "Permission denied")

    good = photos(pictures(2))
    rows = list(predict([good[0], Photo("y", broken), Photo("z", forbidden), good[1]], [model(), model(name="n")]))
    assert [[bool(row.top) for row in pair] for pair in rows] == [[True] * 2, [False] * 2, [False] * 2, [True] * 2]
    assert [row.error for row in rows[1]] == ["`y` is damaged"] * 2
    assert rows[2][0].error == "it cannot be opened (Permission denied); check it"


def test_what_is_not_wanted_is_neither_read_nor_answered():
    def never():
        raise AssertionError("read")

    one, two = model(name="one"), model(name="two")
    asked = [Photo("done", never), *photos(pictures(1))]
    rows = list(predict(asked, [one, two], wanted=lambda photo, model: photo.name != "done" and model is two))
    assert [[row.model.name for row in each] for each in rows] == [[], ["two"]]


def test_few_images_are_read_ahead_of_the_answers():
    image, count, lock = pictures(1)[0], 0, threading.Lock()

    def read():
        nonlocal count
        with lock:
            count += 1
        return image

    answers = predict((Photo(str(n), read) for n in range(100)), [model()], batch_size=4)
    for done, _ in enumerate(answers, start=1):
        with lock:
            assert count <= done + 2 * 4
    assert (done, count) == (100, 100)


def test_nobody_knows_whether_an_image_is_known_without_a_rule():
    (rows,) = predict(photos(pictures(1)), [model()])
    assert rows[0].known is None
