"""The drawn birds and cars: the same bits every time, and only the discriminative parts tell relatives apart."""

import pickle
import re
from itertools import combinations

import cv2
import numpy as np
import pytest

from fgcore.data.synthetic import KINDS, Sample, class_names, discriminative_parts, draw, nearest_relative, sheets

NEAR = 12  # pixels at size 256: lens blur, and slivers thinner than a pixel that a mask does not hold

FAMILIES = [(kind, family) for kind in KINDS for family in dict.fromkeys(sheet.family for sheet in sheets(kind))]


def members(kind: str, family: str) -> list[int]:
    return [index for index, sheet in enumerate(sheets(kind)) if sheet.family == family]


def union_of(samples: list[Sample], parts: tuple[str, ...]) -> np.ndarray:
    return np.any([sample.part_masks[part] for sample in samples for part in parts], axis=0)


def grown(mask: np.ndarray, pixels: int) -> np.ndarray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0


def same_bits(a: Sample, b: Sample) -> bool:
    masks = all(np.array_equal(a.part_masks[part], b.part_masks[part]) for part in a.part_masks)
    return np.array_equal(a.image, b.image) and np.array_equal(a.object_mask, b.object_mask) and masks


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_has_the_same_bits_whatever_was_drawn_before_it(kind):
    first = draw(kind, 4, seed=11)
    np.random.seed(0)
    cv2.setRNGSeed(3)
    draw(kind, 20, seed=11)
    draw(KINDS[0], 1, seed=2, size=96)
    draw(KINDS[1], 1, seed=2, size=96)
    np.random.random(5)
    assert same_bits(first, draw(kind, 4, seed=11))


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_has_the_same_bits_with_any_number_of_threads(kind):
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        alone = draw(kind, 7, seed=5)
        cv2.setNumThreads(4)
        assert same_bits(alone, draw(kind, 7, seed=5))
    finally:
        cv2.setNumThreads(threads)


@pytest.mark.parametrize("kind", KINDS)
def test_drawing_leaves_the_global_random_state_alone(kind):
    np.random.seed(7)
    expected = np.random.random(3)
    np.random.seed(7)
    draw(kind, 0, seed=1, size=64)
    assert np.array_equal(np.random.random(3), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_different_seeds_give_different_pictures(kind):
    pictures = {draw(kind, 3, seed, size=64).image.tobytes() for seed in range(12)}
    assert len(pictures) == 12


@pytest.mark.parametrize("kind", KINDS)
def test_pose_place_and_light_vary_between_seeds(kind):
    samples = [draw(kind, 0, seed, size=64) for seed in range(24)]
    centres = np.array([[box[0] + box[2], box[1] + box[3]] for box in (sample.box for sample in samples)]) / 128
    widths = np.array([sample.box[2] - sample.box[0] for sample in samples])
    brightness = np.array([sample.image.mean() for sample in samples])
    assert (centres.std(0) > 0.01).all()
    assert widths.std() > 1
    assert brightness.std() > 8


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_eight_families_of_three(kind):
    families = [sheet.family for sheet in sheets(kind)]
    assert len(families) == 24
    assert all(families.count(family) == 3 for family in families)
    assert len(set(class_names(kind))) == 24
    assert class_names(kind) == tuple(sheet.name for sheet in sheets(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_the_nearest_relative_is_of_the_family_and_differs_in_one_or_two_parts(kind):
    guide = sheets(kind)
    for index, sheet in enumerate(guide):
        relative = nearest_relative(kind, index)
        parts = discriminative_parts(kind, index, relative)
        assert relative != index
        assert guide[relative].family == sheet.family
        assert 1 <= len(parts) <= 2
        assert parts == discriminative_parts(kind, relative, index)
        assert parts == tuple(part for part in sheet.parts if sheet.parts[part] != guide[relative].parts[part])
        assert all(len(parts) <= len(discriminative_parts(kind, index, other)) for other in range(24) if other != index)


def test_the_discriminative_parts_are_those_of_the_names():
    names = class_names("birds")
    plain, ringed, barred = (
        names.index(name) for name in ("Ash Warbler", "Ring-eyed Ash Warbler", "Barred Ash Warbler")
    )
    assert discriminative_parts("birds", plain, ringed) == ("eye_ring",)
    assert discriminative_parts("birds", ringed, barred) == ("eye_ring", "wing_bars")
    assert discriminative_parts("birds", plain, plain) == ()
    assert nearest_relative("birds", ringed) == plain


@pytest.mark.parametrize(("kind", "family"), FAMILIES)
@pytest.mark.parametrize("seed", [3, 1004])
def test_relatives_with_one_seed_differ_only_at_their_discriminative_parts(kind, family, seed):
    samples = {index: draw(kind, index, seed) for index in members(kind, family)}
    for a, b in combinations(samples, 2):
        parts = discriminative_parts(kind, a, b)
        differ = (samples[a].image != samples[b].image).any(axis=2)
        near = grown(union_of([samples[a], samples[b]], parts), NEAR)
        assert not differ[~near].any()
        assert samples[a].discriminative_parts == discriminative_parts(kind, a, samples[a].relative)


@pytest.mark.parametrize(("kind", "family"), FAMILIES)
def test_the_difference_between_relatives_is_visible_and_small(kind, family):
    for index in members(kind, family):
        changed, area = [], []
        for seed in range(5):
            sample = draw(kind, index, seed, size=224)
            other = draw(kind, sample.relative, seed, size=224)
            changed.append((np.abs(sample.image.astype(int) - other.image).max(axis=2) > 24).sum())
            area.append(sample.object_mask.sum())
        assert np.median(changed) >= 30
        assert np.median(changed) < 0.12 * np.median(area)


@pytest.mark.parametrize("kind", KINDS)
def test_masks_lie_in_the_object_and_parts_that_are_there_do_not_overlap(kind):
    for index, sheet in enumerate(sheets(kind)):
        sample = draw(kind, index, seed=60 + index)
        assert set(sample.part_masks) == set(sheet.parts)
        for mask in (*sample.part_masks.values(), sample.object_mask):
            assert mask.dtype == np.bool_
            assert mask.shape == (256, 256)
            assert not (mask & ~sample.object_mask).any()
        there = [sample.part_masks[part] for part in sheet.parts if sheet.has(part)]
        assert np.sum(there, axis=0).max() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_discriminative_parts_can_be_seen_in_most_samples(kind):
    seen = []
    for index in range(24):
        for seed in range(4):
            sample = draw(kind, index, seed=200 + 7 * index + seed)
            seen += [sample.part_masks[part].sum() >= 15 for part in sample.discriminative_parts]
    assert np.mean(seen) > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_the_box_bounds_the_object_and_the_object_fills_its_share_of_it(kind):
    for index in range(0, 24, 2):
        sample = draw(kind, index, seed=90 + index)
        x0, y0, x1, y1 = sample.box
        rows, columns = np.nonzero(sample.object_mask)
        assert 0 <= x0 <= columns.min()
        assert columns.max() < x1 <= 256
        assert 0 <= y0 <= rows.min()
        assert rows.max() < y1 <= 256
        assert sample.object_mask.sum() > 0.25 * (x1 - x0) * (y1 - y0)


def test_occluders_appear_and_leave_most_of_the_object_visible():
    for kind in KINDS:
        shares = []
        for seed in range(40):
            sample = draw(kind, 0, seed, size=64)
            x0, y0, x1, y1 = sample.box
            shares.append(sample.object_mask.sum() / ((x1 - x0) * (y1 - y0)))
        assert min(shares) > 0.6 * np.median(shares)


@pytest.mark.parametrize(
    ("kind", "name", "part"),
    [
        ("birds", "Ash Warbler", "eye_ring"),
        ("birds", "Ash Warbler", "wing_bars"),
        ("birds", "Heath Wren", "brow"),
        ("cars", "Nordal Trek", "fog_lamps"),
        ("cars", "Tilbury Carrier", "stripe"),
    ],
)
def test_the_mask_of_a_part_that_is_lacking_marks_where_the_relative_has_it(kind, name, part):
    without = class_names(kind).index(name)
    has = next(i for i in members(kind, name) if sheets(kind)[i].has(part))
    assert not sheets(kind)[without].has(part)
    place, there = (draw(kind, index, seed=12).part_masks[part] for index in (without, has))
    assert there.sum() > 30
    assert (place & there).sum() > 0.9 * (place | there).sum()


@pytest.mark.parametrize(
    ("kind", "name", "part", "expected"),
    [
        ("birds", "Ring-eyed Ash Warbler", "eye_ring", (1, 1, 1)),
        ("birds", "Barred Ash Warbler", "wing_bars", (1, 1, 1)),
        ("birds", "Coral-billed Hazel Thrush", "bill", (1, 0, 0)),
        ("birds", "Bibbed Fern Tit", "throat", (-1, -1, -1)),
        ("birds", "Chestnut-capped Fern Tit", "crown", (1, 0, 0)),
        ("cars", "Nordal Trek Polar", "fog_lamps", (1, 1, 0)),
        ("cars", "Tilbury Carrier Post", "stripe", (1, 1, 1)),
        ("cars", "Kestro Haul Night", "wheels", (-1, -1, -1)),
    ],
)
def test_a_discriminative_part_has_the_colour_its_name_says(kind, name, part, expected):
    index = class_names(kind).index(name)
    sample = draw(kind, index, seed=12)
    plain = draw(kind, sample.relative, seed=12)
    mask = sample.part_masks[part] & plain.part_masks[part]
    change = sample.image[mask].mean(axis=0) - plain.image[mask].mean(axis=0)
    for channel, sign in zip(change, expected, strict=True):
        assert sign == 0 or sign * channel > 15


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [128, 200, 512])
def test_the_composition_is_the_same_at_every_size(kind, size):
    for index in (1, 16):
        usual, other = draw(kind, index, seed=33), draw(kind, index, seed=33, size=size)
        assert other.image.shape == (size, size, 3)
        assert other.image.dtype == np.uint8
        assert np.allclose(np.array(other.box) / size, np.array(usual.box) / 256, atol=0.02)
        a = cv2.resize(usual.image, (64, 64), interpolation=cv2.INTER_AREA).astype(int)
        b = cv2.resize(other.image, (64, 64), interpolation=cv2.INTER_AREA).astype(int)
        assert np.abs(a - b).mean() < 4
        assert np.isclose(other.object_mask.mean(), usual.object_mask.mean(), rtol=0.05)


def test_a_sample_says_what_it_is_and_survives_pickling():
    sample = pickle.loads(pickle.dumps(draw("cars", 5, seed=8, size=64)))
    assert (sample.kind, sample.class_index, sample.seed) == ("cars", 5, 8)
    assert sample.class_name == class_names("cars")[5]
    assert sample.relative == nearest_relative("cars", 5)
    assert same_bits(sample, draw("cars", 5, seed=8, size=64))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("fish", 0, 0), "expected a kind of synthetic object, birds or cars, got 'fish'"),
        (("birds", 24, 0), "expected a class index of the synthetic birds from 0 to 23, got 24"),
        (("cars", -1, 0), "expected a class index of the synthetic cars from 0 to 23, got -1"),
        (("birds", 0, -5), "expected a seed of 0 or more, got -5"),
        (("birds", 0, 0, 63), "expected an image of at least 64 pixels, got 63"),
    ],
)
def test_a_wrong_argument_gets_one_clear_sentence(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        draw(*arguments)


def test_lookups_refuse_unknown_kinds_and_classes():
    for lookup in (class_names, sheets):
        with pytest.raises(ValueError, match="birds or cars"):
            lookup("fish")
    with pytest.raises(ValueError, match="from 0 to 23"):
        nearest_relative("birds", 99)
    with pytest.raises(ValueError, match="from 0 to 23"):
        discriminative_parts("cars", 0, 24)
