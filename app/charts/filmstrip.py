"""The filmstrip of a run as one figure: a slider goes through the epochs without asking the server."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.charts import mosaic, style
from fgcore.outputs import LEVELS
from fgcore.records import Box
from fgcore.training import film
from fgcore.training.probes import Frame, Strip

CHANNELS = 15  # at most are shown one by one
FRAMES = 48  # at most; longer runs are thinned out evenly
_PICTURES, _DETAIL, _CURVES, _FOOT = 248, 176, 170, 96  # heights of the rows, pixels
_TITLE = 26  # above a row, pixels
_NOTE = 26  # below a picture for its numbers, in the picture's pixels
_SIDE = 240  # pixels of a picture
_STEP_MS = 450
_LINES = ("#2a93ab", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

Trace = dict[str, Any]


def shown_epochs(strip: Strip) -> list[int]:
    """Positions of the epochs to show: all, or `FRAMES` of them with the first and the last."""
    count = len(strip.epochs)
    if count <= FRAMES:
        return list(range(count))
    return sorted({round(number) for number in np.linspace(0, count - 1, FRAMES)})


def filmstrip(strip: Strip, chosen: int) -> go.Figure:
    """All probes, one of them in detail, and curves over the epochs; everything moves with one slider.

    Args:
        strip: at least one epoch.
        chosen: the probe to show in detail.
    """
    figure, rows = go.Figure(), _rows(strip)
    moving: list[Callable[[int], Trace]] = []  # position of an epoch -> a trace of that epoch
    _pictures(figure, moving, strip, rows["pictures"], chosen)
    if strip.method == "mc":
        _channels(figure, moving, strip, rows["detail"], chosen)
    elif strip.method == "ap":
        _gates(figure, moving, strip, rows["detail"], chosen)
    _curves(figure, moving, strip, rows["curves"], chosen)
    epochs = shown_epochs(strip)
    first = len(figure.data)
    figure.add_traces([trace(epochs[-1]) for trace in moving])
    indices = list(range(first, first + len(moving)))
    figure.frames = [
        go.Frame(name=str(strip.epochs[e]), data=[trace(e) for trace in moving], traces=indices) for e in epochs
    ]
    figure.update_layout(height=rows["height"], margin={"l": 0, "r": 0, "t": 0, "b": 0}, showlegend=False)
    _controls(figure, [strip.epochs[e] for e in epochs], rows["height"])
    return figure


def _rows(strip: Strip) -> dict[str, Any]:
    """Where the rows lie: name -> (bottom, top) as shares of the height, and the height in pixels."""
    detail = _DETAIL + _TITLE if strip.method != "baseline" else 0
    height = _TITLE + _PICTURES + detail + _TITLE + _CURVES + _FOOT
    tops = {"pictures": _TITLE, "detail": _TITLE + _PICTURES + _TITLE}
    tops["curves"] = _TITLE + _PICTURES + detail + _TITLE
    sizes = {"pictures": _PICTURES, "detail": _DETAIL, "curves": _CURVES - 26}
    return {"height": height} | {n: (1 - (top + sizes[n]) / height, 1 - top / height) for n, top in tops.items()}


def _axes(
    figure: go.Figure, x: tuple[float, float], y: tuple[float, float], *, picture: tuple[float, float] | None = None
) -> dict[str, str]:
    """A new pair of axes in a part of the figure; with the (width, height) of a picture they are invisible."""
    number = sum(1 for name in figure.layout.to_plotly_json() if name.startswith("xaxis")) + 1
    suffix = "" if number == 1 else str(number)
    xaxis: dict[str, Any] = {"domain": x, "anchor": f"y{suffix}"}
    yaxis: dict[str, Any] = {"domain": y, "anchor": f"x{suffix}"}
    if picture:
        xaxis |= {"range": [-0.5, picture[0] - 0.5], "visible": False, "constrain": "domain", "fixedrange": True}
        yaxis |= {"range": [picture[1] - 0.5, -0.5], "visible": False, "constrain": "domain", "fixedrange": True}
        yaxis |= {"scaleanchor": f"x{suffix}", "constraintoward": "top"}
        xaxis["constraintoward"] = "left"
    figure.update_layout({f"xaxis{suffix}": xaxis, f"yaxis{suffix}": yaxis})
    return {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}


def _title(figure: go.Figure, text: str, axes: dict[str, str]) -> None:
    figure.add_annotation(
        text=text, x=0, y=1, xref=f"{axes['xaxis']} domain", yref=f"{axes['yaxis']} domain", xanchor="left",
        yanchor="bottom", showarrow=False, font_size=12, borderpad=3, align="left",
    )  # fmt: skip


def _pictures(figure: go.Figure, moving: list, strip: Strip, row: tuple[float, float], chosen: int) -> None:
    """All probes side by side, and their numbers below them."""
    count = len(strip.probes)
    width = 1 / max(count, 4)
    for probe in range(count):
        axes = _axes(figure, (probe * width, (probe + 1) * width - 0.012), row, picture=(_SIDE, _SIDE + _NOTE))
        name = style.plain_html(strip.name_of(probe))
        _title(figure, f"<b>{name}</b>" if probe == chosen else name, axes)

        def picture(epoch: int, probe: int = probe, axes: dict[str, str] = axes) -> Trace:
            source = style.jpeg_source(film.picture(strip, epoch, probe, _SIDE))
            return {"type": "image", "source": source, "hoverinfo": "skip", **axes}

        def numbers(epoch: int, probe: int = probe, axes: dict[str, str] = axes) -> Trace:
            words = {"text": [film.caption(strip, epoch, probe)], "textposition": "bottom right", "mode": "text"}
            place = {"x": [-0.5], "y": [_SIDE + 2], "cliponaxis": False, "hoverinfo": "skip"}
            return {"type": "scatter", "textfont": {"size": 13}, **words, **place, **axes}

        moving += [picture, numbers]


def _channels(figure: go.Figure, moving: list, strip: Strip, row: tuple[float, float], chosen: int) -> None:
    """The channels of the probe's class as they are, their CCMP, and how much each pair shares."""
    frames = [frames[chosen] for frames in strip.frames]
    _, height, width = frames[0].channels.shape
    picked = strongest(frames[-1])
    count = len(picked)
    columns = count + 1 if count < 6 else mosaic.columns_for(count + 1)
    tiles = [mosaic.assemble(np.concatenate([f.channels[picked], f.channels.max(0)[None]]), columns) for f in frames]
    rows, cells = tiles[0].values.shape
    axes = _axes(figure, (0, 0.76), row, picture=(cells, rows))
    figure.update_layout({axes["yaxis"].replace("y", "yaxis"): {"range": [rows - 0.5, tiles[0].tops[0] - 2]}})
    high = max(float(frame.channels.max()) for frame in frames) or 1.0
    source = style.jpeg_source(style.grey(strip.probes[chosen].pixels), side=96)
    colours = ["rgb({},{},{})".format(*colour) for colour in film.channel_colours(len(frames[0].channels))]
    names = [f"<b style='color:{colours[n]}'>■</b> {strip.channels[chosen][n]}" for n in picked]
    for left, top, name in zip(tiles[0].lefts, tiles[0].tops, [*names, "CCMP"], strict=True):
        figure.add_layout_image(
            source=source, x=left - 0.5, y=top - 0.5, sizex=width, sizey=height, sizing="stretch", layer="below",
            xref=axes["xaxis"], yref=axes["yaxis"],
        )  # fmt: skip
        figure.add_annotation(
            text=name, x=left - 0.5, y=top - 0.5, xref=axes["xaxis"], yref=axes["yaxis"], xanchor="left",
            yanchor="bottom", showarrow=False, font_size=11, borderpad=1,
        )  # fmt: skip
    scale = {"zmin": 0, "zmax": high, "colorscale": style.colourscale(style.CHANNELS, fading=True)}
    text = {"hovertemplate": "value %{z:.3g}<extra></extra>", "hoverongaps": False, "showscale": False}
    moving.append(lambda epoch: {"type": "heatmap", "z": tiles[epoch].values, **scale, **text, **axes})
    pair = _axes(figure, (0.80, 1), row, picture=(count, count))
    _title(figure, "Overlap of each pair", pair)
    shares = {"zmin": 0, "zmax": 1, "colorscale": style.colourscale(style.CHANNELS), "xgap": 1, "ygap": 1}
    shares |= {"hovertemplate": "share %{z:.2f} of their mass<extra></extra>", "showscale": False}
    moving.append(
        lambda epoch: {"type": "heatmap", "z": frames[epoch].overlap[np.ix_(picked, picked)], **shares, **pair}
    )


def strongest(frame: Frame) -> list[int]:
    """The channels to show one by one, in order: all, or the `CHANNELS` that answer most."""
    means = frame.channels.mean((1, 2))
    return sorted(np.argsort(-means, kind="stable")[:CHANNELS].tolist())


def _gates(figure: go.Figure, moving: list, strip: Strip, row: tuple[float, float], chosen: int) -> None:
    """The spatial gates of the three levels with the ROIs that they lead to."""
    frames = [frames[chosen] for frames in strip.frames]
    side = strip.probes[chosen].pixels.shape[0]
    source = style.jpeg_source(style.grey(strip.probes[chosen].pixels))
    for place, level in enumerate(LEVELS):
        axes = _axes(figure, (place * 0.25, place * 0.25 + 0.238), row, picture=(side, side))
        _title(figure, f"Level {level}: gate and ROIs", axes)
        figure.add_layout_image(
            source=source, x=-0.5, y=-0.5, sizex=side, sizey=side, sizing="stretch", layer="below",
            xref=axes["xaxis"], yref=axes["yaxis"],
        )  # fmt: skip
        moving += [_gate(frames, place, side, axes), _boxes(frames, place, axes)]


def _gate(frames: Sequence[Frame], place: int, side: int, axes: dict[str, str]) -> Callable[[int], Trace]:
    """One scale for all levels and epochs, so that a gate that opens is seen to open."""
    low = min(float(gate.min()) for frame in frames for gate in frame.gates)
    high = max(float(gate.max()) for frame in frames for gate in frame.gates)
    cell = side / frames[0].gates[place].shape[0]
    grid = {
        "x0": cell / 2 - 0.5,
        "dx": cell,
        "y0": cell / 2 - 0.5,
        "dy": cell,
        "zmin": low,
        "zmax": max(high, low + 1e-6),
    }
    look = {"colorscale": style.colourscale(style.GATES, fading=True), "showscale": False, "zsmooth": "best"}
    look["hovertemplate"] = "gate %{z:.3f}<extra></extra>"
    return lambda epoch: {"type": "heatmap", "z": frames[epoch].gates[place], **grid, **look, **axes}


def _boxes(frames: Sequence[Frame], place: int, axes: dict[str, str]) -> Callable[[int], Trace]:
    line = {"color": style.LEVEL_COLOURS[LEVELS[place]], "width": 2}

    def trace(epoch: int) -> Trace:
        x, y = _outline(frames[epoch].rois[place])
        return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip", **axes}

    return trace


def _outline(boxes: Sequence[Box]) -> tuple[list[float | None], list[float | None]]:
    """All boxes as one line with gaps."""
    x: list[float | None] = []
    y: list[float | None] = []
    for box in boxes:
        x += [box.x1 - 0.5, box.x2 - 0.5, box.x2 - 0.5, box.x1 - 0.5, box.x1 - 0.5, None]
        y += [box.y1 - 0.5, box.y1 - 0.5, box.y2 - 0.5, box.y2 - 0.5, box.y1 - 0.5, None]
    return x or [None], y or [None]


def _curves(figure: go.Figure, moving: list, strip: Strip, row: tuple[float, float], chosen: int) -> None:
    """A line per probe and a mark that moves with the slider."""
    targets = [probe.target for probe in strip.probes]
    shares = [[100 * float(f[p].prediction.probabilities[t]) for f in strip.frames] for p, t in enumerate(targets)]
    plots = [("Probability of the right class, %", shares, (0, 100))]
    if strip.method == "mc":
        spread = [[float(f[p].diversity[t]) for f in strip.frames] for p, t in enumerate(targets)]
        plots.insert(0, ("Diversity h of the right class", spread, (1, max(len(c) for c in strip.channels))))
    elif strip.method == "ap":
        steady = [[_same_place(strip, epoch, p) for epoch in range(len(strip.epochs))] for p in range(len(targets))]
        plots.insert(0, ("Zoom box shared with the epoch before, %", steady, (0, 100)))
    width = 1 / len(plots)
    for number, (title, lines, limits) in enumerate(plots):
        axes = _axes(figure, (number * width + 0.03, (number + 1) * width - 0.02), row)
        _title(figure, title, axes)
        _set_curve_axes(figure, axes, strip, limits)
        for probe, values in enumerate(lines):
            name = style.plain_html(strip.name_of(probe))
            line = {"color": _LINES[probe % len(_LINES)], "width": 3 if probe == chosen else 1.5}
            hover = f"{name}<br>epoch %{{x}}: %{{y:.3g}}<extra></extra>"
            figure.add_scatter(
                x=strip.epochs, y=values, mode="lines", line=line, opacity=1 if probe == chosen else 0.6,
                hovertemplate=hover, **axes,
            )  # fmt: skip
        mark = {"mode": "lines", "y": list(limits), "hoverinfo": "skip", "line": {"color": style.MUTED, "width": 2}}
        moving.append(lambda epoch, m=mark, a=axes: {"type": "scatter", "x": [strip.epochs[epoch]] * 2, **m, **a})


def _set_curve_axes(figure: go.Figure, axes: dict[str, str], strip: Strip, limits: tuple[float, float]) -> None:
    last = max(strip.epochs[-1], 1)
    room = 0.04 * (limits[1] - limits[0])
    shared = {"showgrid": True, "zeroline": False, "tickfont": {"size": 11}, "fixedrange": True}
    ticks = {"dtick": max(1, -(-last // 10))}
    figure.update_layout(
        {
            axes["xaxis"].replace("x", "xaxis"): {"range": [-0.02 * last, 1.02 * last], **ticks, **shared},
            axes["yaxis"].replace("y", "yaxis"): {"range": [limits[0] - room, limits[1] + room], "nticks": 5, **shared},
        }
    )


def _same_place(strip: Strip, epoch: int, probe: int) -> float | None:
    """How much of both zoom boxes is in common, in percent of what they cover together; None at the start."""
    if not epoch:
        return None
    a, b = (strip.frames[number][probe].zoom_box for number in (epoch - 1, epoch))
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0.0) * max(height, 0.0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return 100 * common / (areas - common) if areas > common else 100.0


def _controls(figure: go.Figure, epochs: Sequence[int], height: int) -> None:
    """Play, pause, and a slider over the epochs; they start at the last one."""
    now = {"mode": "immediate", "transition": {"duration": 0}, "frame": {"duration": 0, "redraw": True}}
    run = now | {"fromcurrent": False, "frame": {"duration": _STEP_MS, "redraw": True}}
    steps = [{"label": str(epoch), "method": "animate", "args": [[str(epoch)], now]} for epoch in epochs]
    low = {"yanchor": "bottom", "y": 0}
    slider = {
        "steps": steps, "active": len(steps) - 1, "x": 0.13, "len": 0.86, "pad": {"t": 0, "b": 12, "l": 0, "r": 0},
        "currentvalue": {"prefix": "Epoch ", "font": {"size": 15}, "offset": 6},
        "font": {"size": 10, "color": style.MUTED}, "ticklen": 3, "minorticklen": 0,
        "bgcolor": "rgba(128, 138, 142, 0.35)", "activebgcolor": "#2a93ab", "bordercolor": "rgba(128, 138, 142, 0.6)",
        **low,
    }  # fmt: skip
    buttons = [
        {"label": "▶ Play", "method": "animate", "args": [None, run]},
        {"label": "❚❚", "method": "animate", "args": [[None], now]},
    ]
    menu = {
        "type": "buttons", "direction": "left", "buttons": buttons, "x": 0, "xanchor": "left", "showactive": False,
        "pad": {"t": 0, "b": 20, "l": 0, "r": 0}, "font": {"size": 13}, **low,
        "bgcolor": "rgba(128, 138, 142, 0.12)", "bordercolor": "rgba(128, 138, 142, 0.6)",
    }  # fmt: skip
    figure.update_layout(sliders=[slider], updatemenus=[menu])
