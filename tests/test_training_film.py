"""The filmstrip as pictures: colours that mean something, and an animation that says what it is."""

import io

import numpy as np
import pytest
from PIL import Image, ImageSequence

from fgcore.outputs import Pyramid
from fgcore.records import Box, Prediction
from fgcore.training import film
from fgcore.training.probes import Frame, Probe, Strip

NAMES = ("Ash Warbler", "Ring-eyed Ash Warbler with a name that is far too long to fit under a small picture")


def frame(method, step):
    """A frame of 64-pixel probes; three channels move apart with `step` 0 .. 2."""
    prediction = Prediction("final", np.array([0.5 + 0.2 * step, 0.5 - 0.2 * step], np.float32))
    if method == "mc":
        channels = np.zeros((3, 4, 4), np.float32)
        channels[0, 0, 0] = channels[1, 3, 3] = channels[2, 0, 3] = 5.0 * step
        return Frame(prediction, channels, np.ones(2), np.array([1 + step, 1.0]))
    if method == "ap":
        gates = Pyramid(*(np.full((side, side), 0.5, np.float32) for side in (8, 4, 2)))
        rois = Pyramid((Box(4.0 * step, 8, 4.0 * step + 16, 24, 0.9),), (), ())
        return Frame(prediction, gates=gates, rois=rois, zoom_box=(4.0 * step, 8.0, 60.0, 56.0))
    return Frame(prediction, cam=np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4))


def strip_of(method, epochs=(0, 1, 2)):
    pixels = np.full((64, 64, 3), (180, 120, 60), np.uint8)
    probes = tuple(Probe(f"birds/00{target}/0", target, pixels) for target in range(2))
    channels = (range(3), range(3, 6)) if method == "mc" else ()
    frames = tuple((frame(method, step),) * 2 for step in range(len(epochs)))
    return Strip(method, NAMES, channels, probes, epochs, frames)


def test_channels_that_look_alike_are_grey_and_a_channel_alone_has_its_colour():
    alike = film.colour_map(np.full((3, 2, 2), 0.25, np.float32))
    assert np.array_equal(alike[0, 0, :3], np.round(film.channel_colours(3).mean(0)))
    assert np.all(alike[..., 3] == 235)
    apart = np.zeros((3, 2, 2), np.float32) + 1e-6
    apart[0, 0, 0] = apart[1, 1, 1] = apart[2, 0, 1] = 1
    shown = film.colour_map(apart)
    assert np.array_equal([shown[0, 0, :3], shown[1, 1, :3], shown[0, 1, :3]], film.channel_colours(3))
    assert shown[1, 0, 3] < 2  # nobody looks there


@pytest.mark.parametrize("count", [1, 3, 7, 8, 11])
def test_every_channel_has_a_colour_of_its_own(count):
    assert len({tuple(colour) for colour in film.channel_colours(count)}) == count


def test_softmax_and_overlap_of_a_frame_follow_its_channels():
    apart = strip_of("mc").frames[2][0]
    np.testing.assert_allclose(apart.softmax.sum((1, 2)), 1, rtol=1e-6)
    assert apart.overlap[0, 1] < 0.01 < 0.99 < apart.overlap[0, 0]
    np.testing.assert_allclose(strip_of("mc").frames[0][0].overlap, 1, rtol=1e-6)  # at first all channels are flat


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_a_picture_shows_what_changes(method):
    strip = strip_of(method)
    first, last = (film.picture(strip, epoch, 0, side=96) for epoch in (0, 2))
    assert first.shape == (96, 96, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, last) == (method == "baseline")  # its map stays the same here


def test_boxes_are_stretched_with_the_picture():
    shown = film.picture(strip_of("ap"), 1, 0, side=128)  # twice the input
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
    many = Strip("mc", NAMES, strip.channels[:1] * 5, strip.probes[:1] * 5, (0,), (strip.frames[0][:1] * 5,))
    with Image.open(io.BytesIO(film.gif(many, "t", 1))) as image:
        assert image.size == (4 * 234 + 10, 46 + 2 * (224 + 44))


def test_a_strip_without_epochs_is_refused():
    with pytest.raises(ValueError, match="one epoch or more"):
        film.gif(strip_of("mc", epochs=()), "t", 1)
