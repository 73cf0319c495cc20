"""MC-Loss's filmstrip: the channels of the right class one by one, and how far they have moved apart."""

import numpy as np

from app.charts import mosaic, style
from app.charts.filmstrip import Curve, Drawing, Span
from app.methods.base import Film
from fgcore.methods.mc.film import Channels
from fgcore.report import render
from fgcore.training.probes import Strip

CHANNELS = 15  # at most are shown one by one


def strongest(shown: Channels) -> list[int]:
    """The channels to show one by one, in order: all, or the `CHANNELS` that answer most."""
    means = shown.channels.mean((1, 2))
    return sorted(np.argsort(-means, kind="stable")[:CHANNELS].tolist())


def _detail(drawing: Drawing, row: Span) -> None:
    """The channels of the probe's class as they are, their CCMP, and how much each pair shares."""
    shown: list[Channels] = drawing.shown
    picked = strongest(shown[-1])
    _tiles(drawing, row, shown, picked)
    pair = drawing.axes((0.80, 1), row, image=(len(picked), len(picked)))
    drawing.title("Overlap of each pair", pair)
    shares = {"zmin": 0, "zmax": 1, "colorscale": style.colourscale(style.CHANNELS), "xgap": 1, "ygap": 1}
    shares |= {"hovertemplate": "share %{z:.2f} of their mass<extra></extra>", "showscale": False}
    drawing.moving.append(
        lambda epoch: {"type": "heatmap", "z": shown[epoch].overlap[np.ix_(picked, picked)], **shares, **pair}
    )


def _tiles(drawing: Drawing, row: Span, shown: list[Channels], picked: list[int]) -> None:
    _, height, width = shown[0].channels.shape
    count = len(picked)
    columns = count + 1 if count < 6 else mosaic.columns_for(count + 1)
    tiles = [mosaic.assemble(np.concatenate([s.channels[picked], s.channels.max(0)[None]]), columns) for s in shown]
    rows, cells = tiles[0].values.shape
    axes = drawing.axes((0, 0.76), row, image=(cells, rows))
    drawing.figure.update_layout({axes["yaxis"].replace("y", "yaxis"): {"range": [rows - 0.5, tiles[0].tops[0] - 2]}})
    source = style.jpeg_source(render.grey(drawing.strip.probes[drawing.chosen].pixels), side=96)
    colours = ["rgb({},{},{})".format(*colour) for colour in render.channel_colours(len(shown[0].channels))]
    names = [f"<b style='color:{colours[n]}'>■</b> {shown[0].first + n}" for n in picked]
    for left, top, name in zip(tiles[0].lefts, tiles[0].tops, [*names, "CCMP"], strict=True):
        drawing.beneath(source, axes, x=left - 0.5, y=top - 0.5, size=(width, height))
        drawing.figure.add_annotation(
            text=name, x=left - 0.5, y=top - 0.5, xref=axes["xaxis"], yref=axes["yaxis"], xanchor="left",
            yanchor="bottom", showarrow=False, font_size=11, borderpad=1,
        )  # fmt: skip
    high = max(float(s.channels.max()) for s in shown) or 1.0
    scale = {"zmin": 0, "zmax": high, "colorscale": style.colourscale(style.CHANNELS, fading=True)}
    text = {"hovertemplate": "value %{z:.3g}<extra></extra>", "hoverongaps": False, "showscale": False}
    drawing.moving.append(lambda epoch: {"type": "heatmap", "z": tiles[epoch].values, **scale, **text, **axes})


def _owned(strip: Strip) -> int:
    """Channels of the class that owns most."""
    return max(len(frame.shown.channels) for frame in strip.frames[0])


def _spread(strip: Strip, epoch: int) -> list[float]:
    """Diversity of the right class of each probe."""
    pairs = zip(strip.probes, strip.frames[epoch], strict=True)
    return [float(frame.shown.diversity[probe.target]) for probe, frame in pairs]


def _curves(strip: Strip) -> list[Curve]:
    spread = [_spread(strip, epoch) for epoch in range(len(strip.epochs))]
    values = [list(of_probe) for of_probe in zip(*spread, strict=True)]
    return [Curve("Diversity h of the right class", values, (1, _owned(strip)))]


def _told(strip: Strip) -> str:
    """How far the channels of the probes' classes have moved apart, in words."""
    first, last = (float(np.mean(_spread(strip, epoch))) for epoch in (0, len(strip.epochs) - 1))
    start = "before training" if strip.epochs[0] == 0 else f"after epoch {strip.epochs[0]}"
    return (
        f"On these images the channels of the right class lay at **{first:.2f}** places {start}, and lie at "
        f"**{last:.2f}** of at most {_owned(strip)} after epoch {strip.epochs[-1]}."
    )


def _note(strip: Strip) -> str:
    owned = _owned(strip)
    some = f" One by one: the {CHANNELS} of {owned} that answer most." if owned > CHANNELS else ""
    return (
        "Above: softmax maps of the channels, mixed by their share at each place. Below them: the same channels raw, "
        "on one scale for all epochs, their maximum (CCMP), and the mass that each pair shares. h counts the places "
        f"that the channels respond at, from 1 (all alike) to their number (all apart).{some}"
    )


FILM = Film(
    lesson="Every class owns a few channels. Here the channels of the right class lie over each test image, each in "
    "its own colour: **grey where they respond at the same place, colours where each has found its own**. Play it, or "
    "drag the slider through the epochs.",
    note=_note,
    told=_told,
    detail=_detail,
    curves=_curves,
)
