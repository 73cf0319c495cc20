"""Maps of several models side by side, to fade, cut off and rescale in the browser; where two of them are highest."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.colors import hex_to_rgb

from app.charts import style
from app.charts.panels import Layer, Outline, Panel, panels
from fgcore.report import render

Range = tuple[float, float]
AREAS = (1.0, 0.5, 0.3, 0.2, 0.1, 0.05)  # shares of the image that the threshold leaves
OVERLAP_COLOURS = {"first": "#e69f00", "second": "#56b4e9", "both": "#ffffff"}  # Okabe and Ito; white outshines both
_WIDTH = 930  # pixels that a row of images is expected to get
_BUTTONS = 40  # pixels below the sliders


def evidence_panels(items: Sequence[Panel], shared: Mapping[int, Range]) -> go.Figure:
    """Images with a map each; they zoom together, and nothing below them asks the server.

    Args:
        items: images, with or without a fading map.
        shared: position among `items` -> the range that a common colour scale gives its map; {}: no such choice.
    """
    figure = panels(items, columns=len(items), side=_WIDTH // len(items))
    own = [number for number, trace in enumerate(figure.data) if trace.type == "heatmap"]
    mapped = [number for number, item in enumerate(items) if item.layer is not None]
    layers = [items[number].layer for number in mapped]
    ranges = [(layer.low, layer.high) for layer in layers]
    if shared:
        common = [shared.get(number, ranges[place]) for place, number in enumerate(mapped)]
        for trace, (low, high) in zip(own, common, strict=True):
            figure.add_trace(go.Heatmap(figure.data[trace], zmin=low, zmax=high, visible=False))
        figure.update_layout(updatemenus=[_scale_buttons(own, len(figure.data))])
        layers, ranges = layers * 2, ranges + common
    traces = [number for number, trace in enumerate(figure.data) if trace.type == "heatmap"]
    if traces:
        figure.layout.sliders = [_opacity(traces), _threshold(traces, layers, ranges)]  # instead of the one there
        for trace, layer, limits in zip(traces, layers, ranges, strict=True):
            figure.data[trace].colorscale = _cut(layer, limits, AREAS[0])
    if shared:
        figure.update_layout(height=figure.layout.height + _BUTTONS, margin_b=figure.layout.margin.b + _BUTTONS)
    return figure


def _restyle(label: str, changes: dict, traces: Sequence[int]) -> dict:
    """A step of a slider or a button that changes traces in the browser."""
    return {"label": label, "method": "restyle", "args": [changes, list(traces)]}


def _percent(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def _opacity(traces: Sequence[int]) -> dict:
    steps = [_restyle(_percent(share), {"opacity": [share] * len(traces)}, traces) for share in style.STEPS]
    return style.slider(steps, active=style.START, prefix="Map over image: ", width=220)


def _threshold(traces: Sequence[int], layers: Sequence[Layer], ranges: Sequence[Range]) -> dict:
    steps = []
    for area in AREAS:
        label = "everything" if area == 1 else f"the highest {_percent(area)} of the area"
        scales = [_cut(layer, limits, area) for layer, limits in zip(layers, ranges, strict=True)]
        steps.append(_restyle(label, {"colorscale": scales}, traces))
    return style.slider(steps, active=0, prefix="Show ", width=220) | {"x": 0.36}


def _cut(layer: Layer, limits: Range, area: float) -> style.Colourscale:
    """The layer's palette, clear below the value that this share of its area exceeds."""
    scale = style.colourscale(layer.palette, fading=True)
    low, high = limits
    if area == 1 or high <= low:
        return scale
    edge = float(np.clip((np.nanquantile(layer.values, 1 - area) - low) / (high - low), 0, 1))
    above = [(stop, colour) for stop, colour in scale if stop > edge] or [scale[-1]]
    clear = "rgba(0, 0, 0, 0.000)"
    return [(0.0, clear), (edge, clear), (edge, above[0][1]), *above[:-1], (1.0, above[-1][1])]


def _scale_buttons(own: Sequence[int], total: int) -> dict:
    """Two buttons: a colour scale for each map, or one for maps of the same quantity."""
    shared = list(range(total - len(own), total))
    traces, half = [*own, *shared], [True] * len(own)
    hidden = [False] * len(own)
    choices = [("own colour scales", half + hidden), ("one scale for maps of a kind", hidden + half)]
    return {
        "type": "buttons",
        "direction": "right",
        "showactive": True,
        "x": 0,
        "xanchor": "left",
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 62, "l": 8},
        "font": {"size": 12, "color": style.MUTED},
        "bgcolor": "rgba(128, 138, 142, 0.12)",
        "bordercolor": "rgba(128, 138, 142, 0.6)",
        "buttons": [_restyle(label, {"visible": visible}, traces) for label, visible in choices],
    }


def overlap_panels(
    pairs: Sequence[tuple[str, np.ndarray]], pixels: np.ndarray, marks: Sequence[Outline] = ()
) -> go.Figure:
    """For each pair of maps: where both are highest, and where only one is.

    Args:
        pairs: title, and (h, w) of 0 nowhere, 1 only the first, 2 only the second, 3 both.
        pixels: (H, W, 3) uint8, the image beneath; shown grey and dimmed.
        marks: frames to draw on each.
    """
    dim = (0.6 * render.grey(pixels)).astype(np.uint8)
    items = []
    for title, places in pairs:
        values = np.where(places > 0, places, np.nan).astype(np.float32)
        words = np.array(["neither", "the first only", "the second only", "both"])[places]
        layer = Layer(values, "highest in:", 0.5, 3.5, style.CHANNELS, smooth=False, fading=False, texts=words)
        items.append(Panel(title, dim, layer, marks))
    figure = panels(items, columns=len(items), side=290)
    edges = np.linspace(0, 1, 4).repeat(2)[1:-1]
    colours = ["rgba({}, {}, {}, 0.78)".format(*hex_to_rgb(colour)) for colour in OVERLAP_COLOURS.values()]
    scale = [(float(edge), colours[number // 2]) for number, edge in enumerate(edges)]
    figure.update_traces(colorscale=scale, selector={"type": "heatmap"})
    return figure


def drag_panel(item: Panel) -> go.Figure:
    """One image to drag a box on."""
    figure = panels([item], columns=1, side=380)
    height, width = item.pixels.shape[:2]
    corners = {"x": [0, width - 1], "y": [0, height - 1]}  # a selection needs a trace of points
    figure.add_trace(go.Scatter(**corners, mode="markers", marker={"opacity": 0, "size": 1}, hoverinfo="skip"))
    figure.update_layout(
        dragmode="select", newselection={"line": {"color": "#ffffff", "width": 2, "dash": "solid"}},
        margin={"l": 0, "r": 0, "t": 30, "b": 0}, height=410,
    )  # fmt: skip
    return figure
