"""Non-maximum suppression as a film strip: a slider walks through its steps without asking the server."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from app.charts import style
from fgcore.methods.ap.records import Suppression
from fgcore.report import render

_LEFT, _NOW, _GONE = "#56b4e9", "#d55e00", style.MUTED  # Okabe and Ito; each kind has its own symbol as well
_TRACES = 6  # per step
_BELOW = 118  # pixels: room for the slider and the legend


def nms_steps(pixels: np.ndarray, shown: Suppression, *, side: int) -> go.Figure:
    """The candidates of a level on the image, and a slider through the boxes kept one after another.

    Args:
        pixels: (H, W, 3) uint8, the network input.
        shown: from `suppression`.
        side: height of the image, pixels.
    """
    image = render.grey((0.55 * pixels + 60).astype(np.uint8))  # dim, so that the symbols stand out
    last = len(shown.steps)
    traces = [trace for number in range(last + 1) for trace in _frame(shown, number, visible=number == last)]
    height, width = pixels.shape[:2]
    across = {"range": [-0.5, width - 0.5], "visible": False, "constrain": "domain", "constraintoward": "left"}
    down = {"range": [height - 0.5, -0.5], "visible": False, "constrain": "domain", "constraintoward": "top"}
    legend = {"orientation": "h", "x": 0, "y": -62 / side, "yanchor": "top", "font": {"size": 11}, "entrywidth": 118}
    layout = {
        "height": side + _BELOW,
        "margin": {"l": 0, "r": 0, "t": 0, "b": _BELOW, "autoexpand": False},
        "xaxis": across,
        "yaxis": down | {"scaleanchor": "x"},
        "legend": legend | {"title": {"text": ""}, "itemclick": False, "itemdoubleclick": False},
        "sliders": [_slider(shown)],
        "hoverlabel": {"namelength": 0},
    }
    return go.Figure([go.Image(source=style.jpeg_source(image), hoverinfo="skip"), *traces], layout)


def _frame(shown: Suppression, number: int, *, visible: bool) -> list[go.Scatter]:
    """What there is to see after `number` steps."""
    done, count = shown.steps[:number], len(shown.candidates.scores)
    kept = [step.kept for step in done]
    now = done[-1].suppressed if done else np.array([], int)
    earlier = np.concatenate([np.array([], int), *(step.suppressed for step in done[:-1])])
    left = np.setdiff1d(np.arange(count), np.concatenate([kept, now, earlier]).astype(int))
    traces = [
        _outlines([shown.candidates.boxes[place] for place in now]),
        _marks(shown, earlier, "before", "circle", _GONE, 3),
        _marks(shown, left, "candidate", "circle-open", _LEFT, 6),
        _marks(shown, now, "suppressed now", "x", _NOW, 6),
        *_kept(shown, number),
    ]
    return [trace.update(visible=visible) for trace in traces]


def _marks(shown: Suppression, which: np.ndarray, name: str, symbol: str, colour: str, size: int) -> go.Scatter:
    return go.Scatter(
        x=shown.centres[which, 0],
        y=shown.centres[which, 1],
        customdata=shown.candidates.scores[which],
        name=f"{name} ({len(which)})",
        mode="markers",
        marker={"symbol": symbol, "color": colour, "size": size, "line": {"width": 1.4, "color": colour}},
        hovertemplate=f"{name}<br>gate %{{customdata:.3f}}<br>x %{{x:.0f}}, y %{{y:.0f}} px<extra></extra>",
    )


def _outlines(boxes: Sequence[np.ndarray]) -> go.Scatter:
    """Boxes as one thin line; gaps of None lift the pen."""
    xs, ys = _paths(boxes)
    return go.Scatter(
        x=xs, y=ys, mode="lines", line={"color": _NOW, "width": 0.7}, opacity=0.4, hoverinfo="skip", showlegend=False
    )


def _kept(shown: Suppression, number: int) -> list[go.Scatter]:
    """The boxes kept so far, and their numbers in their upper left corners."""
    boxes = [np.array([s.roi.x1, s.roi.y1, s.roi.x2, s.roi.y2]) for s in shown.steps[:number]]
    xs, ys = _paths(boxes)
    line = {"color": style.LEVEL_COLOURS[shown.level], "width": 3}
    return [
        go.Scatter(x=xs, y=ys, mode="lines", line=line, hoverinfo="skip", name=f"kept ({number})"),
        go.Scatter(
            x=[box[0] for box in boxes], y=[box[1] for box in boxes], mode="text", textposition="bottom right",
            text=[f"<b>{place}</b>" for place in range(1, number + 1)], textfont={"color": "#ffffff", "size": 14},
            hoverinfo="skip", showlegend=False,
        ),
    ]  # fmt: skip


def _paths(boxes: Sequence[np.ndarray]) -> tuple[list[float | None], list[float | None]]:
    xs: list[float | None] = []
    ys: list[float | None] = []
    for x1, y1, x2, y2 in boxes:
        xs += [float(x1), float(x2), float(x2), float(x1), float(x1), None]
        ys += [float(y1), float(y1), float(y2), float(y2), float(y1), None]
    return xs, ys


def _slider(shown: Suppression) -> dict:
    frames = len(shown.steps) + 1
    steps = [
        {
            "label": f"all {len(shown.candidates.scores)} candidates" if number == 0 else _told(shown, number),
            "method": "restyle",
            "args": [
                {"visible": [place == number for place in range(frames) for _ in range(_TRACES)]},
                list(range(1, 1 + _TRACES * frames)),
            ],
        }
        for number in range(frames)
    ]
    return style.slider(steps, active=frames - 1, prefix="", width=260)


def _told(shown: Suppression, number: int) -> str:
    step = shown.steps[number - 1]
    return f"box {number} of {len(shown.steps)}, score {step.roi.score:.3f}"
