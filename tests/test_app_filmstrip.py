"""The filmstrip and the curves as figures: every epoch is there, and the slider needs no server."""

import dataclasses
import json

import numpy as np
import pytest

from app.charts import curves, filmstrip, style
from app.charts.curves import Plot
from app.methods import VIEWS, view_of
from app.methods.mc.film import strongest
from fgcore.methods.mc.film import Channels
from fgcore.training.probes import Strip
from film_helpers import strip_of


def drawn(strip, chosen=0):
    """The figure as plotly's JSON: what the browser gets."""
    film = view_of(strip.method).film
    return json.loads(filmstrip.filmstrip(strip, chosen, film.detail, film.curves(strip)).to_json())


def spec(method, chosen=0, **options):
    return drawn(strip_of(method, **options), chosen)


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_the_slider_has_a_step_per_epoch_and_starts_at_the_last(method):
    figure = spec(method)
    (slider,) = figure["layout"]["sliders"]
    assert [step["label"] for step in slider["steps"]] == ["0", "1", "2"]
    assert [frame["name"] for frame in figure["frames"]] == ["0", "1", "2"]
    assert slider["active"] == 2
    assert {step["method"] for step in slider["steps"]} == {"animate"}  # in the browser, without the server


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_what_is_shown_first_is_the_last_frame(method):
    figure = spec(method)
    last = figure["frames"][-1]
    shown = [figure["data"][index] for index in last["traces"]]
    assert shown == last["data"]
    assert len(shown) < len(figure["data"])  # the curves stay


def test_frames_differ_in_what_moves():
    first, last = (spec("mc")["frames"][number]["data"] for number in (0, 2))
    heatmaps = [number for number, trace in enumerate(first) if trace["type"] == "heatmap"]
    assert len(heatmaps) == 2  # channels and overlap
    assert all(first[number]["z"] != last[number]["z"] for number in heatmaps)
    assert [trace["text"] for trace in first if trace.get("mode") == "text"] == [
        ["h 1.00 of 3 · 50 %"],
        ["h 1.00 of 3 · 50 %"],
    ]


def test_of_a_large_group_the_strongest_channels_are_shown():
    channels = np.zeros((40, 4, 4), np.float32)
    channels[10:30] = np.arange(20, 0, -1)[:, None, None]
    assert strongest(Channels(7, channels, np.ones(2), np.ones(2))) == list(range(10, 25))


def test_channels_are_called_by_their_numbers_in_the_network():
    strip = strip_of("mc")
    frames = tuple(
        tuple(dataclasses.replace(frame, shown=dataclasses.replace(frame.shown, first=40)) for frame in frames)
        for frames in strip.frames
    )
    texts = [note["text"] for note in drawn(dataclasses.replace(strip, frames=frames))["layout"]["annotations"]]
    assert [text.rpartition(" ")[2] for text in texts if "■" in text] == ["40", "41", "42"]


@pytest.mark.parametrize("method", VIEWS)
def test_every_method_has_words_around_its_strip(method):
    film, strip = view_of(method).film, strip_of(method)
    assert film.lesson.endswith(".")
    assert film.note(strip).endswith(".")


def test_mc_loss_tells_how_far_the_channels_have_moved_apart():
    told = view_of("mc").film.told(strip_of("mc"))
    assert "**1.00** places before training" in told  # the mean of h of the right class of both probes
    assert "**2.00** of at most 3 after epoch 2" in told


def test_gates_come_with_their_boxes():
    data = spec("ap")["frames"][1]["data"]
    assert sum(trace["type"] == "heatmap" for trace in data) == 3
    (box, *_) = [trace for trace in data if trace.get("mode") == "lines" and len(trace["x"]) > 2]
    assert (min(box["x"][:-1]), max(box["x"][:-1])) == (4 - 0.5, 20 - 0.5)


def test_the_curves_follow_the_numbers_of_the_probes():
    figure = spec("mc")
    lines = [trace["y"] for trace in figure["data"] if trace.get("opacity")]
    assert lines == [[1.0, 2.0, 3.0], [1.0] * 3, *[pytest.approx(values) for values in ([50, 70, 90], [50, 30, 10])]]


def test_the_zoom_box_is_compared_with_the_epoch_before():
    figure = spec("ap")
    first = next(trace["y"] for trace in figure["data"] if trace.get("opacity") == 1)
    assert first[0] is None
    assert first[1] == pytest.approx(100 * 56 / 60)  # 4 of 60 pixels of its width are gone


def test_a_long_run_is_thinned_out_but_keeps_its_ends():
    strip = strip_of("mc", epochs=(0,))
    long = Strip("mc", strip.class_names, strip.probes, tuple(range(301)), strip.frames * 301)
    shown = filmstrip.shown_epochs(long)
    assert len(shown) == filmstrip.FRAMES
    assert (shown[0], shown[-1]) == (0, 300)
    assert filmstrip.shown_epochs(strip) == [0]


def test_class_names_are_shown_as_they_are():
    strip = strip_of("mc")
    hostile = dataclasses.replace(strip, class_names=("<b>bold</b>", "b"))
    texts = [note["text"] for note in drawn(hostile)["layout"]["annotations"]]
    assert "<b>&lt;b&gt;bold&lt;/b&gt;</b>" in texts


def test_curves_name_their_lines_in_their_colours():
    plots = [
        Plot("Loss", {"ce": ([0.5, 1], [2, 1])}),
        Plot("Accuracy, %", {"test": ([1], [50])}, {"training": ([1], [9])}),
    ]
    figure = json.loads(curves.curves(plots, 3).to_json())
    titles = [note["text"] for note in figure["layout"]["annotations"]]
    assert titles[0] == "Loss"
    assert "test</span>" in titles[1]
    assert figure["layout"]["xaxis"]["range"] == [0, 3]
    assert [len(trace["x"]) for trace in figure["data"]] == [0, 2, 0, 1, 1, 0]  # faint and bold of each line


def test_plain_html_shows_strangers_words():
    assert style.plain_html("a<i>&b") == "a&lt;i&gt;&amp;b"
