import numpy as np
import pytest
import torch
import torchvision.transforms.v2 as T
import torchvision.transforms.v2.functional as F

from fgcore.config import DataConfig
from fgcore.data.transforms import (
    Geometry,
    augment,
    display,
    evaluation_view,
    name_of,
    normalisation,
    normalise,
    preprocess,
    random_view,
    resize,
)


def settled(**settings):
    """Settings of the data as a run has them, when the trunk has told its normalisation."""
    return DataConfig(**{"normalise": "imagenet"} | settings)


SMALL = settled(resize=40, crop=32)
SQUARE = settled(resize=48, square=True, crop=32)
WHOLE = settled(resize=32, square=True, crop=32, crop_padding=4, eval_crop=False, normalise="half")
CONFIGS = {"shorter side": SMALL, "square": SQUARE, "whole picture": WHOLE}


def noise(height=60, width=90, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def gradient(height=60, width=90):
    """Red grows along x, green along y: a pixel tells where it came from."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.arange(width)
    picture[..., 1] = np.arange(height)[:, None]
    return picture


# --- normalisation -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["imagenet", "half"])
def test_display_gives_back_every_level_exactly(name):
    config = settled(normalise=name)
    levels = torch.arange(256, dtype=torch.uint8).view(1, 16, 16).expand(3, 16, 16)
    assert np.array_equal(display(normalise(levels, config), config), levels.permute(1, 2, 0).numpy())


def test_half_normalisation_maps_black_to_minus_one_and_white_to_one():
    images = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1).expand(2, 3, 2, 2)
    normalised = normalise(images, settled(normalise="half"))
    assert torch.equal(normalised, torch.tensor([-1.0, 1.0]).view(2, 1, 1, 1).expand(2, 3, 2, 2))


def test_normalise_treats_levels_and_floats_alike_and_leaves_its_argument_alone():
    images = torch.from_numpy(noise(8, 8)).permute(2, 0, 1)[None]
    floats = images / 255
    before = floats.clone()
    config = settled()
    expected = F.normalize(floats, *map(list, normalisation("imagenet")))
    torch.testing.assert_close(normalise(floats, config), expected)
    torch.testing.assert_close(normalise(images, config), expected)
    assert torch.equal(floats, before)
    assert normalise(floats.half(), config).dtype == torch.float32


def test_normalise_keeps_the_memory_format():
    images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8).contiguous(memory_format=torch.channels_last)
    assert normalise(images, SMALL).is_contiguous(memory_format=torch.channels_last)


def test_display_clips_what_no_picture_can_hold():
    image = torch.tensor([-100.0, 100.0]).view(1, 1, 2).expand(3, 1, 2)
    assert display(image, SMALL)[0].tolist() == [[0, 0, 0], [255, 255, 255]]


# --- evaluation --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("height", "width"), [(60, 90), (91, 60), (40, 41), (33, 32)])
def test_evaluation_equals_torchvisions_resize_and_centre_crop(height, width):
    image = torch.from_numpy(noise(height, width)).permute(2, 0, 1)
    for config, size in ((SMALL, 40), (SQUARE, [48, 48])):
        expected = T.Compose([T.Resize(size, antialias=True), T.CenterCrop(32)])(image)
        assert torch.equal(evaluation_view(noise(height, width), config)[0], expected)


def test_evaluation_without_a_crop_sees_the_whole_picture():
    view, geometry = evaluation_view(noise(), WHOLE)
    image = torch.from_numpy(noise()).permute(2, 0, 1)
    assert torch.equal(view, F.resize(image, [32, 32], antialias=True))
    assert geometry.crop_box == (0, 0, 90, 60)


def test_preprocess_normalises_the_evaluation_view():
    tensor, geometry = preprocess(noise(), SMALL)
    view, same = evaluation_view(noise(), SMALL)
    assert tensor.dtype == torch.float32
    assert torch.equal(tensor, normalise(view, SMALL))
    assert geometry == same
    assert np.array_equal(display(tensor, SMALL), view.permute(1, 2, 0).numpy())


def test_a_picture_that_may_not_be_written_to_is_fine():
    picture = noise()[:, ::-1]
    picture.flags.writeable = False
    assert preprocess(picture, SMALL)[0].shape == (3, 32, 32)


# --- geometry ----------------------------------------------------------------------------------------------


def test_geometry_of_a_picture_worked_out_by_hand():
    # 60 x 90, shorter side to 40: scale 2/3, 40 x 60; the central 32 starts at (14, 4)
    geometry = preprocess(noise(60, 90), SMALL)[1]
    assert geometry == Geometry((2 / 3, 2 / 3), (-14.0, -4.0), 32)
    assert np.allclose(geometry.to_input([45, 30]), [16, 16])
    assert np.allclose(geometry.crop_box, [21, 6, 69, 54])


def test_geometry_of_a_squashed_picture_has_two_scales():
    geometry = preprocess(noise(60, 90), SQUARE)[1]
    assert geometry.scale == (48 / 90, 48 / 60)
    assert np.allclose(geometry.to_input([[0, 0, 90, 60]]), [[-8, -8, 40, 40]])


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_to_picture_undoes_to_input(config):
    geometry = preprocess(noise(61, 87), config)[1]
    rng = np.random.default_rng(1)
    for shape in ((2,), (4,), (5, 4), (2, 3, 2), (0, 4)):
        coordinates = rng.uniform(0, 90, shape)
        there = geometry.to_input(coordinates)
        assert there.shape == shape
        np.testing.assert_allclose(geometry.to_image(there), coordinates, rtol=0, atol=1e-12)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
@pytest.mark.parametrize(("height", "width"), [(60, 90), (120, 75), (33, 35)])
def test_a_dot_in_the_picture_lands_where_geometry_says(config, height, width):
    geometry = preprocess(noise(height, width), config)[1]
    left, top, right, bottom = geometry.crop_box
    for share_x, share_y in ((0.3, 0.3), (0.5, 0.7), (0.75, 0.4)):
        x, y = int(left + share_x * (right - left)), int(top + share_y * (bottom - top))
        picture = np.zeros((height, width, 3), np.uint8)
        picture[y - 1 : y + 2, x - 1 : x + 2] = 255
        brightness = evaluation_view(picture, config)[0].double().sum(0)
        total = brightness.sum()
        centroid = [
            float((brightness.sum(0) * (torch.arange(32) + 0.5)).sum() / total),
            float((brightness.sum(1) * (torch.arange(32) + 0.5)).sum() / total),
        ]
        # levels are rounded, so a dot's centre is known to about a tenth of a pixel
        np.testing.assert_allclose(centroid, geometry.to_input([x + 0.5, y + 0.5]), atol=0.1)


def test_the_crop_box_bounds_the_pixels_that_the_network_sees():
    view, geometry = evaluation_view(gradient(60, 90), settled(resize=60, crop=32))
    left, top, right, bottom = geometry.crop_box
    assert (view[0].min(), view[0].max()) == (left, right - 1)
    assert (view[1].min(), view[1].max()) == (top, bottom - 1)


def test_geometry_refuses_what_is_neither_points_nor_boxes():
    with pytest.raises(ValueError, match=r"points \(..., 2\) or boxes \(..., 4\), got shape \(3,\)"):
        Geometry((1, 1), (0, 0), 32).to_input([1, 2, 3])


# --- training ----------------------------------------------------------------------------------------------

TRAINING = {
    "crop": SMALL,
    "square": SQUARE,
    "padding": WHOLE,
    "scale": settled(resize=40, crop=32, scale_jitter=0.5),
    "trivial": settled(resize=40, crop=32, trivial_augment=True),
    "everything": settled(resize=40, crop=32, crop_padding=3, scale_jitter=0.9, colour_jitter=0.4),
}


@pytest.mark.parametrize("config", TRAINING.values(), ids=TRAINING)
def test_augmentation_depends_on_the_generator_and_on_nothing_else(config):
    def view(seed, global_seed):
        torch.manual_seed(global_seed)
        np.random.seed(global_seed)
        return augment(noise(), config, np.random.default_rng(seed))

    first = view(5, 0)
    state = torch.get_rng_state()
    assert first.shape == (3, 32, 32)
    assert first.dtype == torch.uint8
    assert torch.equal(first, view(5, 1))
    assert any(not torch.equal(first, view(seed, 0)) for seed in range(6, 10))
    assert torch.equal(state, torch.manual_seed(0).get_state())


@pytest.mark.parametrize("config", TRAINING.values(), ids=TRAINING)
def test_views_own_their_memory(config):
    resized = resize(noise(), config)
    before = resized.clone()
    for seed in range(6):
        random_view(resized, config, np.random.default_rng(seed)).zero_()
    assert torch.equal(resized, before)


def test_a_view_as_large_as_the_picture_owns_its_memory():
    config = settled(resize=32, square=True, crop=32)
    resized = resize(noise(), config)
    for seed in range(6):
        random_view(resized, config, np.random.default_rng(seed)).zero_()
    assert resized.any()


def test_random_crops_are_windows_at_every_place_and_half_of_them_are_flipped():
    config = settled(resize=40, crop=32)
    resized = resize(gradient(40, 44), config)  # resizing by 1 changes nothing
    starts, flips = set(), 0
    for seed in range(600):
        view = random_view(resized, config, np.random.default_rng(seed))
        flipped = bool(view[0, 0, 0] > view[0, 0, -1])
        upright = view.flip(-1) if flipped else view
        left, top = int(upright[0, 0, 0]), int(upright[1, 0, 0])
        assert torch.equal(upright, resized[:, top : top + 32, left : left + 32])
        starts.add((left, top))
        flips += flipped
    assert {left for left, _ in starts} == set(range(13))
    assert {top for _, top in starts} == set(range(9))
    assert 250 < flips < 350  # 5 standard deviations are 61


def test_padding_shows_as_zero_pixels_at_the_edge():
    picture = np.full((32, 32, 3), 200, np.uint8)
    views = [augment(picture, WHOLE, np.random.default_rng(seed)) for seed in range(40)]
    zero_rows = {int((view[0] == 0).all(1).sum()) for view in views}
    zero_columns = {int((view[0] == 0).all(0).sum()) for view in views}
    assert zero_rows == zero_columns == {0, 1, 2, 3, 4}


def test_scale_jitter_keeps_at_least_its_share_of_the_square():
    config = settled(resize=400, crop=32, scale_jitter=0.4)
    ramp = np.zeros((400, 400, 3), np.uint8)
    ramp[..., 0] = np.linspace(0, 255, 400).round()
    ramp[..., 1] = ramp[..., 0].T
    areas, ratios = [], []
    for seed in range(300):
        view = augment(ramp, config, np.random.default_rng(seed)).double()
        # first and last pixel are centres of cells, so 31 of 32 steps of the window lie between them
        width, height = (float((view[channel].max() - view[channel].min()) / 255 * 32 / 31) for channel in (0, 1))
        areas.append(width * height)
        ratios.append(width / height)
    assert 0.58 < min(areas) < 0.63
    assert 0.97 < max(areas) < 1.03
    assert 0.72 < min(ratios) < 0.85
    assert 1.18 < max(ratios) < 1.38


def test_colour_jitter_scales_brightness_within_its_bounds():
    picture = np.full((40, 40, 3), 100, np.uint8)  # grey and even: contrast and saturation change nothing
    config = settled(resize=40, crop=32, colour_jitter=0.3)
    levels = [int(augment(picture, config, np.random.default_rng(seed)).max()) for seed in range(100)]
    assert min(levels) in range(70, 76)
    assert max(levels) in range(125, 131)


def test_trivial_augment_changes_most_views_by_one_operation():
    resized = resize(noise(), SMALL)
    augmenting = settled(resize=40, crop=32, trivial_augment=True)
    pairs = [
        [random_view(resized, config, np.random.default_rng(seed)) for config in (SMALL, augmenting)]
        for seed in range(40)
    ]
    changed = sum(not torch.equal(plain, augmented) for plain, augmented in pairs)
    assert 20 < changed < 40  # one of its fourteen operations changes nothing, and others do at strength 0


def test_augment_is_resize_and_a_random_view():
    config = TRAINING["everything"]
    expected = random_view(resize(noise(), config), config, np.random.default_rng(3))
    assert torch.equal(augment(noise(), config, np.random.default_rng(3)), expected)


# --- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"crop": 250}, "crop should be a multiple of 32 pixels, got 250; 256 is the nearest"),
        ({"crop": 0}, "DataConfig.crop should lie from 32 to 1536, got 0"),
        ({"crop": 224, "resize": 200}, "resize should be at least crop, got resize 200 and crop 224 pixels"),
        ({"crop_padding": -1}, "crop_padding should lie from 0 to 256, got -1"),
        ({"scale_jitter": 1.0}, "scale_jitter should lie from 0 to 0.99, got 1.0"),
        ({"colour_jitter": 1.5}, "colour_jitter should lie from 0 to 1, got 1.5"),
    ],
)
def test_settings_that_cannot_work_get_a_sentence(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        DataConfig(**settings)


@pytest.mark.parametrize("name", ["nothing", "0.5,0.5/1,1", "0,0,0/1,1,0", "a,b,c/1,1,1"])
def test_a_normalisation_that_means_nothing_is_refused(name):
    with pytest.raises(ValueError, match="normalise should be trunk, imagenet, half, clip, none, or three means"):
        normalisation(name)


def test_a_normalisation_is_named_or_told_in_six_numbers():
    assert name_of((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)) == "half"
    numbers = (0.1, 0.2, 0.3), (0.5, 0.25, 1.0)
    assert name_of(*numbers) == "0.1,0.2,0.3/0.5,0.25,1"
    assert normalisation(name_of(*numbers)) == numbers


def test_a_grey_picture_is_refused():
    with pytest.raises(ValueError, match=r"RGB image \(H, W, 3\), got shape \(60, 90\)"):
        preprocess(noise()[..., 0], SMALL)


def test_a_float_picture_is_refused():
    with pytest.raises(TypeError, match="uint8 levels 0 to 255, got float32"):
        augment(noise().astype(np.float32), SMALL, np.random.default_rng(0))
