"""Images that are kept in memory, and those that cannot be read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fgcore.config import DataConfig
from fgcore.data import synthetic
from fgcore.data.datasets import describe, load
from fgcore.data.images import ImageError, read_image
from fgcore.data.transforms import augment
from test_data_datasets import SIZES, make_folders


@pytest.fixture
def config(tmp_path):
    return make_folders(tmp_path)


def damage(config, name):
    """Cut a picture short."""
    path = Path(config.root) / name
    path.write_bytes(path.read_bytes()[:100])


def test_cached_pictures_are_read_once(config, monkeypatch):
    train, test = load(config)
    monkeypatch.setattr("fgcore.data.datasets.read_image", lambda *_, **__: pytest.fail("read again"))
    assert train[0, 3][0].shape == test[0][0].shape == (3, 32, 32)


def test_unreadable_pictures_are_skipped_and_named_while_caching(config):
    whole = load(config).train
    damage(config, "train/cat/2.png")
    damage(config, "train/dog/0.png")
    train, test = load(config)
    assert train.skipped == ("train/cat/2.png", "train/dog/0.png")
    assert test.skipped == ()
    assert [record.identifier for record in train.records] == [
        record.identifier for record in whole.records if record.identifier not in train.skipped
    ]
    assert describe(train).endswith(": 6 training images, 2 unreadable left out (train/cat/2.png, train/dog/0.png)")
    for index in range(6):
        assert torch.equal(train[index, 0][0], augment(train.image(index), config, np.random.default_rng((0, index))))


def test_an_unreadable_picture_without_a_cache_is_an_error_that_names_it(config):
    damage(config, "test/dog/1.png")
    test = load(config, cache_images=False).test
    assert test[0][1] == 0
    with pytest.raises(ImageError, match=r"test/dog/1.png: .* is damaged or cut short"):
        test[5]


def test_without_a_cache_the_same_pictures_can_be_skipped(config):
    damage(config, "train/cat/2.png")
    damage(config, "test/dog/1.png")
    for cached, read in zip(load(config), load(config, cache_images=False), strict=True):
        read.leave_out_unreadable()
        assert len(read.skipped) == 1
        assert (read.skipped, read.records) == (cached.skipped, cached.records)
        assert all(torch.equal(read[index, 3][0], cached[index, 3][0]) for index in range(7))
        cached.leave_out_unreadable()  # it has nothing left to do
        assert (read.skipped, read.records) == (cached.skipped, cached.records)


def test_a_data_sets_small_pictures_are_pictures(config):
    Image.new("RGB", (76, 23)).save(Path(config.root) / "test" / "dog" / "1.png")
    for kept in (True, False):
        test = load(config, cache_images=kept).test
        test.leave_out_unreadable()
        assert test.skipped == ()
        assert test[5][0].shape == test[0][0].shape


def test_drawings_are_not_drawn_to_see_whether_they_can_be_read(monkeypatch):
    train = load(DataConfig("synthetic_birds", train_per_class=2, test_per_class=1, **SIZES), cache_images=False).train
    monkeypatch.setattr(synthetic, "draw", lambda *_, **__: pytest.fail("drawn"))
    train.leave_out_unreadable()
    assert train.skipped == ()


def test_a_split_without_any_readable_picture_gets_a_sentence(config):
    for name in ("cat", "dog"):
        for number in range(4):
            damage(config, f"test/{name}/{number}.png")
    with pytest.raises(ValueError, match=r"none of the 8 test images of .* can be read: test/cat/0.png: `0.png` is"):
        load(config)


def test_a_class_without_any_readable_image_to_train_on_gets_a_sentence(config):
    damage(config, "train/cat/1.png")
    for number in range(4):
        damage(config, f"train/dog/{number}.png")
    words = r"no training image of dog in .* can be read, so replace the files .*; the first is train/dog/0"
    for kept in (True, False):
        with pytest.raises(ValueError, match=words):
            load(config, kept).train.leave_out_unreadable()


def test_a_class_without_any_readable_test_image_is_left_untested(config):
    for number in range(4):
        damage(config, f"test/dog/{number}.png")
    test = load(config).test
    assert {record.target for record in test.records} == {0}
    assert test.class_names == ("cat", "dog")
    assert len(test.skipped) == 4


@pytest.mark.parametrize("kept", [True, False])
def test_an_image_that_cannot_be_opened_is_left_out_like_one_that_cannot_be_read(config, monkeypatch, kept):
    def refusing(path, **limits):
        if path.name == "2.png":
            raise PermissionError(13, "Permission denied", str(path))
        return read_image(path, **limits)

    monkeypatch.setattr("fgcore.data.datasets.read_image", refusing)
    train = load(config, kept).train
    train.leave_out_unreadable()
    sentences = {
        f"train/{name}/2.png": f"train/{name}/2.png: it cannot be opened (Permission denied)" for name in ("cat", "dog")
    }
    assert train.unreadable == sentences


def test_an_image_that_went_away_is_left_out_without_the_path_of_its_folder(config):
    train = load(config, cache_images=False).train
    train.records[1].path.unlink()
    train.leave_out_unreadable()
    assert train.unreadable == {"train/cat/1.png": "train/cat/1.png: it cannot be opened (it is not there)"}
