"""The filmstrip as images: colours that mean something, and an animation that says what it is."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from fgcore.report import render
from fgcore.training import film
from fgcore.training.probes import Strip
from film_helpers import NAMES, strip_of


def test_channels_that_look_alike_are_grey_and_a_channel_alone_has_its_colour():
    alike = render.colour_map(np.full((3, 2, 2), 0.25, np.float32))
    assert np.array_equal(alike[0, 0, :3], np.round(render.channel_colours(3).mean(0)))
    assert np.all(alike[..., 3] == 235)
    apart = np.zeros((3, 2, 2), np.float32) + 1e-6
    apart[0, 0, 0] = apart[1, 1, 1] = apart[2, 0, 1] = 1
    shown = render.colour_map(apart)
    assert np.array_equal([shown[0, 0, :3], shown[1, 1, :3], shown[0, 1, :3]], render.channel_colours(3))
    assert shown[1, 0, 3] < 2  # nobody looks there


@pytest.mark.parametrize("count", [1, 3, 7, 8, 11])
def test_every_channel_has_a_colour_of_its_own(count):
    assert len({tuple(colour) for colour in render.channel_colours(count)}) == count


def test_softmax_and_overlap_of_a_frame_follow_its_channels():
    apart = strip_of("mc").frames[2][0].shown
    np.testing.assert_allclose(apart.softmax.sum((1, 2)), 1, rtol=1e-6)
    assert apart.overlap[0, 1] < 0.01 < 0.99 < apart.overlap[0, 0]
    np.testing.assert_allclose(strip_of("mc").frames[0][0].shown.overlap, 1, rtol=1e-6)  # flat at first


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_an_image_shows_what_changes(method):
    strip = strip_of(method)
    first, last = (film.image(strip, epoch, 0, side=96) for epoch in (0, 2))
    assert first.shape == (96, 96, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, last) == (method == "baseline")  # its map stays the same here


def test_boxes_are_stretched_with_the_image():
    shown = film.image(strip_of("ap"), 1, 0, side=128)  # twice the input
    blue = np.all(np.abs(shown.astype(int) - (86, 180, 233)) < 30, axis=2)
    rows, columns = np.flatnonzero(blue.any(1)), np.flatnonzero(blue.any(0))
    assert (columns[0], columns[-1]) == (pytest.approx(8, abs=2), pytest.approx(40, abs=2))
    assert (rows[0], rows[-1]) == (pytest.approx(16, abs=2), pytest.approx(48, abs=2))


def test_captions_tell_diversity_and_probability():
    assert film.caption(strip_of("mc"), 1, 0) == "h 2.00 of 3 · 70 %"
    assert film.caption(strip_of("ap"), 2, 1) == "10 %"


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_the_animation_has_a_frame_per_epoch_and_says_what_it_shows(method):
    data = film.gif(strip_of(method), "mc_birds-1 · MC-Loss · seed 1", 2)
    with Image.open(io.BytesIO(data)) as image:
        assert image.n_frames == 3
        assert image.info["loop"] == 0
        assert image.info["comment"].decode() == "mc_birds-1 · MC-Loss · seed 1"
        frames = [frame.convert("RGB") for frame in ImageSequence.Iterator(image)]
    heads = [np.asarray(frame)[:46] for frame in frames]
    assert not np.array_equal(heads[0], heads[1])  # the epoch and the bar
    assert frames[0].size == (2 * 234 + 10, 46 + 224 + 44)


def test_more_than_four_probes_take_two_rows():
    strip = strip_of("mc", epochs=(0,))
    many = Strip("mc", NAMES, strip.probes[:1] * 5, (0,), (strip.frames[0][:1] * 5,))
    with Image.open(io.BytesIO(film.gif(many, "t", 1))) as image:
        assert image.size == (4 * 234 + 10, 46 + 2 * (224 + 44))


def test_a_strip_without_epochs_is_refused():
    with pytest.raises(ValueError, match="one epoch or more"):
        film.gif(strip_of("mc", epochs=()), "t", 1)
