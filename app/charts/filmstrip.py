"""The filmstrip of a run as one figure: a slider goes through the epochs without asking the server.

What all methods share: the images, the curves, the slider. A method adds a row of its own and curves of its own.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.charts import style
from fgcore.training import film
from fgcore.training.probes import Strip

FRAMES = 48  # at most; longer runs are thinned out evenly
_IMAGES, _DETAIL, _CURVES, _FOOT = 248, 176, 170, 96  # heights of the rows, pixels
_TITLE = 26  # above a row, pixels
_NOTE = 26  # below an image for its numbers, in the image's pixels
_SIDE = 240  # pixels of an image
_STEP_MS = 450
_LINES = ("#2a93ab", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

Trace = dict[str, Any]
Axes = dict[str, str]
Span = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """A number of each probe over the epochs."""

    title: str
    values: Sequence[Sequence[float | None]]  # of each probe, for each epoch
    limits: Span


@dataclass(frozen=True)
class Drawing:
    """The figure while it is drawn."""

    strip: Strip
    chosen: int  # the probe in detail
    figure: go.Figure = field(default_factory=go.Figure)
    moving: list[Callable[[int], Trace]] = field(default_factory=list)  # position of an epoch -> a trace of that epoch

    @property
    def shown(self) -> list[Any]:
        """What the method shows of the chosen probe after each epoch; see `Frame.shown`."""
        return [frames[self.chosen].shown for frames in self.strip.frames]

    def axes(self, x: Span, y: Span, *, image: Span | None = None) -> Axes:
        """A new pair of axes in a part of the figure; with the (width, height) of an image they are invisible."""
        number = sum(1 for name in self.figure.layout.to_plotly_json() if name.startswith("xaxis")) + 1
        suffix = "" if number == 1 else str(number)
        xaxis: dict[str, Any] = {"domain": x, "anchor": f"y{suffix}"}
        yaxis: dict[str, Any] = {"domain": y, "anchor": f"x{suffix}"}
        if image:
            xaxis |= {"range": [-0.5, image[0] - 0.5], "visible": False, "constrain": "domain", "fixedrange": True}
            yaxis |= {"range": [image[1] - 0.5, -0.5], "visible": False, "constrain": "domain", "fixedrange": True}
            yaxis |= {"scaleanchor": f"x{suffix}", "constraintoward": "top"}
            xaxis["constraintoward"] = "left"
        self.figure.update_layout({f"xaxis{suffix}": xaxis, f"yaxis{suffix}": yaxis})
        return {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}

    def title(self, text: str, axes: Axes) -> None:
        """Words above a pair of axes."""
        self.figure.add_annotation(
            text=text, x=0, y=1, xref=f"{axes['xaxis']} domain", yref=f"{axes['yaxis']} domain", xanchor="left",
            yanchor="bottom", showarrow=False, font_size=12, borderpad=3, align="left",
        )  # fmt: skip

    def beneath(self, source: str, axes: Axes, *, x: float, y: float, size: Span) -> None:
        """An image, as a data address, beneath the maps; `size` is its width and height in the axes' units."""
        self.figure.add_layout_image(
            source=source, x=x, y=y, sizex=size[0], sizey=size[1], sizing="stretch", layer="below",
            xref=axes["xaxis"], yref=axes["yaxis"],
        )  # fmt: skip


Detail = Callable[[Drawing, Span], None]  # draws a method's own row into this part of the figure's height


def shown_epochs(strip: Strip) -> list[int]:
    """Positions of the epochs to show: all, or `FRAMES` of them with the first and the last."""
    count = len(strip.epochs)
    if count <= FRAMES:
        return list(range(count))
    return sorted({round(number) for number in np.linspace(0, count - 1, FRAMES)})


def filmstrip(strip: Strip, chosen: int, detail: Detail | None = None, curves: Sequence[Curve] = ()) -> go.Figure:
    """All probes, one of them in detail, and curves over the epochs; everything moves with one slider.

    Args:
        strip: at least one epoch.
        chosen: the probe to show in detail.
        detail: draws the method's own row; None: there is none.
        curves: the method's own, in front of the probability of the right class.
    """
    drawing, rows = Drawing(strip, chosen), _rows(detail is not None)
    figure = drawing.figure
    _images(drawing, rows["images"])
    if detail is not None:
        detail(drawing, rows["detail"])
    _curves(drawing, rows["curves"], [*curves, _certainty(strip)])
    epochs = shown_epochs(strip)
    first = len(figure.data)
    figure.add_traces([trace(epochs[-1]) for trace in drawing.moving])
    indices = list(range(first, first + len(drawing.moving)))
    figure.frames = [
        go.Frame(name=str(strip.epochs[e]), data=[trace(e) for trace in drawing.moving], traces=indices) for e in epochs
    ]
    figure.update_layout(height=rows["height"], margin={"l": 0, "r": 0, "t": 0, "b": 0}, showlegend=False)
    _controls(figure, [strip.epochs[e] for e in epochs])
    return figure


def _rows(detailed: bool) -> dict[str, Any]:
    """Where the rows lie: name -> (bottom, top) as shares of the height, and the height in pixels."""
    detail = _DETAIL + _TITLE if detailed else 0
    height = _TITLE + _IMAGES + detail + _TITLE + _CURVES + _FOOT
    tops = {"images": _TITLE, "detail": _TITLE + _IMAGES + _TITLE}
    tops["curves"] = _TITLE + _IMAGES + detail + _TITLE
    sizes = {"images": _IMAGES, "detail": _DETAIL, "curves": _CURVES - 26}
    return {"height": height} | {n: (1 - (top + sizes[n]) / height, 1 - top / height) for n, top in tops.items()}


def _images(drawing: Drawing, row: Span) -> None:
    """All probes side by side, and their numbers below them."""
    strip, count = drawing.strip, len(drawing.strip.probes)
    width = 1 / max(count, 4)
    for probe in range(count):
        axes = drawing.axes((probe * width, (probe + 1) * width - 0.012), row, image=(_SIDE, _SIDE + _NOTE))
        name = style.plain_html(strip.name_of(probe))
        drawing.title(f"<b>{name}</b>" if probe == drawing.chosen else name, axes)

        def image(epoch: int, probe: int = probe, axes: Axes = axes) -> Trace:
            source = style.jpeg_source(film.image(strip, epoch, probe, _SIDE))
            return {"type": "image", "source": source, "hoverinfo": "skip", **axes}

        def numbers(epoch: int, probe: int = probe, axes: Axes = axes) -> Trace:
            words = {"text": [film.caption(strip, epoch, probe)], "textposition": "bottom right", "mode": "text"}
            place = {"x": [-0.5], "y": [_SIDE + 2], "cliponaxis": False, "hoverinfo": "skip"}
            return {"type": "scatter", "textfont": {"size": 13}, **words, **place, **axes}

        drawing.moving.extend([image, numbers])


def _certainty(strip: Strip) -> Curve:
    shares = [
        [100 * float(frames[number].prediction.probabilities[probe.target]) for frames in strip.frames]
        for number, probe in enumerate(strip.probes)
    ]
    return Curve("Probability of the right class, %", shares, (0, 100))


def _curves(drawing: Drawing, row: Span, plots: Sequence[Curve]) -> None:
    """A line per probe and a mark that moves with the slider."""
    strip, width = drawing.strip, 1 / len(plots)
    for number, plot in enumerate(plots):
        axes = drawing.axes((number * width + 0.03, (number + 1) * width - 0.02), row)
        drawing.title(plot.title, axes)
        _set_curve_axes(drawing.figure, axes, strip, plot.limits)
        for probe, values in enumerate(plot.values):
            name, chosen = style.plain_html(strip.name_of(probe)), probe == drawing.chosen
            line = {"color": _LINES[probe % len(_LINES)], "width": 3 if chosen else 1.5}
            hover = f"{name}<br>epoch %{{x}}: %{{y:.3g}}<extra></extra>"
            drawing.figure.add_scatter(
                x=strip.epochs, y=values, mode="lines", line=line, opacity=1 if chosen else 0.6, hovertemplate=hover,
                **axes,
            )  # fmt: skip
        mark = {"mode": "lines", "y": list(plot.limits), "hoverinfo": "skip"}
        mark |= {"line": {"color": style.MUTED, "width": 2}}
        drawing.moving.append(lambda e, m=mark, a=axes: {"type": "scatter", "x": [strip.epochs[e]] * 2, **m, **a})


def _set_curve_axes(figure: go.Figure, axes: Axes, strip: Strip, limits: Span) -> None:
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


def _controls(figure: go.Figure, epochs: Sequence[int]) -> None:
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
