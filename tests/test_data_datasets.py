import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader

from fgcore.config import DataConfig
from fgcore.data import cache, synthetic
from fgcore.data.datasets import ImageSet, describe, load
from fgcore.data.readers import TEST_SEEDS, sample_seed
from fgcore.data.transforms import augment, evaluation_view, normalise, preprocess
from tiny_sets import make_cub

SIZES = {"resize": 40, "crop": 32, "normalise": "imagenet"}
VIEWS = {
    "shorter side": SIZES,
    "square": {**SIZES, "resize": 48, "square": True},
    "whole image": {**SIZES, "resize": 32, "square": True, "crop_padding": 4, "eval_crop": False},
    "jitter": {**SIZES, "scale_jitter": 0.5, "colour_jitter": 0.3},
}


def make_folders(root, pictures=4):
    """Two classes under train/ and test/: noise of several sizes, so that no two pictures are alike."""
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        for name in ("cat", "dog"):
            (root / split / name).mkdir(parents=True)
            for number in range(pictures):
                pixels = rng.integers(0, 256, (40 + 5 * number, 60, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(root / split / name / f"{number}.png")
    return DataConfig(dataset="folder", root=str(root), **SIZES)


@pytest.fixture
def config(tmp_path):
    return make_folders(tmp_path)


@pytest.fixture(scope="module")
def drawn():
    config = DataConfig(dataset="synthetic_birds", classes=2, train_per_class=3, test_per_class=2, resize=64, crop=32)
    return load(config)


# --- what a split is ---------------------------------------------------------------------------------------


def test_both_splits_share_their_classes_and_know_their_part(config):
    train, test = load(config)
    assert train.class_names == test.class_names == ("cat", "dog")
    assert (train.training, test.training) == (True, False)
    assert (len(train), len(test)) == (8, 8)
    assert [target for _, target in test] == [0] * 4 + [1] * 4
    assert not {record.path for record in train.records} & {record.path for record in test.records}


def test_a_split_describes_where_its_pictures_come_from(tmp_path):
    root = make_cub(tmp_path / "CUB")
    train, test = load(DataConfig(dataset="cub", root=str(root), classes=2, **SIZES))
    assert describe(train) == "CUB-200-2011, first 2 of 3 classes, official split: 2 training images"
    assert describe(test) == "CUB-200-2011, first 2 of 3 classes, official split: 2 test images"


def test_picture_gives_the_stored_pixels(config):
    test = load(config).test
    for index, record in enumerate(test.records):
        assert np.array_equal(test.image(index), np.asarray(Image.open(record.path)))


def test_large_pictures_are_not_shrunk_so_that_boxes_stay_valid(config, tmp_path):
    Image.new("RGB", (2500, 400)).save(tmp_path / "test" / "cat" / "0.png")
    assert load(config, cache_images=False).test.image(0).shape == (400, 2500, 3)


def test_photographs_have_no_drawn_sample(config):
    assert load(config).test.sample(0) is None


def test_an_index_counts_as_in_a_list(config):
    test = load(config).test
    assert torch.equal(test[-1][0], test[7][0])
    for index in (8, -9):
        with pytest.raises(IndexError):
            test[index]


# --- network inputs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("cache_images", [True, False])
@pytest.mark.parametrize("settings", VIEWS.values(), ids=VIEWS)
def test_items_are_the_transforms_of_the_pictures(tmp_path, settings, cache_images):
    make_folders(tmp_path)
    config = DataConfig(dataset="folder", root=str(tmp_path), **settings)
    train, test = load(config, cache_images)
    for index in (0, 5):
        for draw in (0, 7):
            view, target = train[index, draw]
            expected = augment(train.image(index), config, np.random.default_rng((draw, index)))
            assert torch.equal(view, expected)
            assert target == train.records[index].target
        view = test[index][0]
        assert view.dtype == torch.uint8
        assert torch.equal(view, evaluation_view(test.image(index), config)[0])
        assert torch.equal(normalise(view, config), preprocess(test.image(index), config)[0])


def test_views_change_with_the_draw_and_with_the_picture_and_with_nothing_else(config):
    train = load(config).train
    views = {(index, draw): train[index, draw][0] for index in range(4) for draw in range(6)}
    for key in reversed(views):
        torch.manual_seed(key[1])
        assert torch.equal(train[key][0], views[key])
    assert torch.equal(train[2][0], views[2, 0])
    assert len({view.numpy().tobytes() for view in views.values()}) > 18


def test_evaluation_ignores_the_draw(config):
    test = load(config).test
    assert torch.equal(test[1, 5][0], test[1][0])


@pytest.mark.parametrize("settings", VIEWS.values(), ids=VIEWS)
def test_what_is_done_to_an_item_does_not_reach_the_cache(tmp_path, settings):
    make_folders(tmp_path)
    for split in load(DataConfig(dataset="folder", root=str(tmp_path), **settings)):
        before = split[0][0].clone()
        split[0][0].zero_()
        assert torch.equal(split[0][0], before)


@pytest.mark.parametrize("cache_images", [True, False])
def test_worker_processes_give_the_same_batches_as_none(config, cache_images):
    train = load(config, cache_images).train
    keys = [(index, draw) for draw in (11, 12) for index in (3, 1, 7, 0)]

    def batches(workers):
        context = "fork" if workers else None
        loader = DataLoader(train, batch_size=3, sampler=keys, num_workers=workers, multiprocessing_context=context)
        return list(loader)

    for (images, targets), (same, same_targets) in zip(batches(0), batches(2), strict=True):
        assert torch.equal(images, same)
        assert torch.equal(targets, same_targets)


def test_a_split_survives_pickling_as_spawned_workers_need(config):
    train = load(config).train
    copy = pickle.loads(pickle.dumps(train))
    assert torch.equal(copy[3, 4][0], train[3, 4][0])


# --- what a data set's reader says, and what is held aside ---------------------------------------------------


def test_both_splits_know_what_was_left_out(config):
    (Path(config.root) / "train" / "cat" / "notes.txt").write_text("x")
    note = "left out: files that are no images by their names (1): train/cat/notes.txt"
    for split in load(config):
        assert split.notes == (note,)


def test_a_share_of_the_training_images_takes_the_place_of_the_test_images(config):
    whole = load(config)
    held = load(replace(config, holdout=0.5))
    assert (held.train.part, held.test.part) == ("training", "held-aside")
    assert (held.train.training, held.test.training) == (True, False)
    names = [{record.identifier for record in split.records} for split in (whole.train, held.train, held.test)]
    assert names[1] | names[2] == names[0]
    assert not names[1] & names[2]
    assert describe(held.test) == f"{held.test.title}: {len(held.test)} held-aside images"
    assert held.test.title.endswith("own split (train and test folders), half of the training images held aside")
    index = next(i for i, record in enumerate(whole.train.records) if record == held.test.records[0])
    assert torch.equal(held.test[0][0], evaluation_view(whole.train.image(index), config)[0])


def test_each_process_of_torchrun_counts_its_own_cache(config, monkeypatch):
    monkeypatch.setattr(cache, "_physical_memory", lambda: 3 * 8 * 3 * 40 * 40 * 4 / 3)
    assert len(load(config).train) == 8
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    with pytest.raises(ValueError, match="set cache_images=false"):
        load(config)


def test_a_cache_beyond_the_machines_memory_gets_a_sentence(config, monkeypatch):
    monkeypatch.setattr(cache, "_physical_memory", lambda: 50_000.0)
    with pytest.raises(ValueError, match=r"8 images of 40 pixels would take about .* set cache_images=false"):
        load(config)
    assert len(load(config, cache_images=False).train) == 8


def test_settings_are_checked_before_the_folder_is_read(tmp_path):
    with pytest.raises(ValueError, match="multiple of 32"):
        load(DataConfig(dataset="folder", root=str(tmp_path / "nowhere"), crop=100))
    with pytest.raises(ValueError, match="multiple of 32"):
        ImageSet([], (), DataConfig(crop=100), training=True)


# --- drawn samples -----------------------------------------------------------------------------------------


def test_drawn_pictures_are_a_function_of_class_and_number(drawn):
    for split, first in ((drawn.train, 0), (drawn.test, TEST_SEEDS)):
        for index in (0, len(split) - 1):
            target = split.records[index].target
            number = first + index % (len(split) // 2)
            expected = synthetic.draw("birds", target, sample_seed(target, number), size=64).image
            assert np.array_equal(split.image(index), expected)
            assert split[index][1] == target


def test_a_drawn_picture_comes_with_the_masks_of_its_sample(drawn):
    sample = drawn.test.sample(3)
    assert np.array_equal(sample.image, drawn.test.image(3))
    assert sample.object_mask.shape == (64, 64)
    assert sample.part_masks


def test_no_drawn_picture_appears_twice(drawn):
    pictures = [split.image(index).tobytes() for split in drawn for index in range(len(split))]
    assert len(set(pictures)) == len(pictures) == 10


def test_drawn_splits_are_described_with_their_numbers(drawn):
    total = len(synthetic.class_names("birds"))
    expected = f"synthetic birds, first 2 of {total} classes, 3 + 2 drawn per class: 4 test images"
    assert describe(drawn.test) == expected


# --- photographs, where there are some ---------------------------------------------------------------------


def test_the_first_fifty_classes_of_cub_are_read_as_they_are(data_dir, monkeypatch):
    monkeypatch.setenv("FG_DATA", str(data_dir))
    train, test = load(DataConfig(dataset="cub", classes=50), cache_images=False)
    assert (len(train), len(test)) == (1500, 697)
    assert train.class_names[:2] == ("Black footed Albatross", "Laysan Albatross")
    assert {record.target for record in test.records} == set(range(50))
    parts = {part for record in train.records for part in record.parts}
    assert len(parts) == 15
    for index in range(0, 697, 60):
        height, width = test.image(index).shape[:2]
        left, top, right, bottom = test.records[index].box
        assert -1 <= left < right <= width + 1
        assert -1 <= top < bottom <= height + 1
        places = np.array(list(test.records[index].parts.values()))
        inside = (places >= (left - 5, top - 5)) & (places <= (right + 5, bottom + 5))
        assert inside.mean() > 0.9
        assert test[index][0].shape == (3, 224, 224)


def test_the_car_photographs_are_read_from_their_class_folders(data_dir, monkeypatch):
    monkeypatch.setenv("FG_DATA", str(data_dir))
    train, test = load(DataConfig(dataset="cars"), cache_images=False)
    assert (len(train), len(test), len(train.class_names)) == (5796, 1222, 196)
    assert describe(test) == "Stanford Cars, 196 classes, own split (train and val folders): 1222 test images"
    assert train[0, 1][0].shape == (3, 224, 224)
