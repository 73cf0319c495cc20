"""Images with maps and boxes over them, side by side; they zoom together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from app.charts import style
from fgcore.report import render

Corners = tuple[float, float, float, float]  # xyxy, pixels of the network input
_SLIDER_DEPTH = 58  # pixels
_TITLE_HEIGHT = 34
_BAR_WIDTH = 80  # pixels at the right of the images
_GAP = 0.025  # between columns, share of the figure's width


@dataclass(frozen=True)
class Layer:
    """A map to lay over an image; nan cells stay clear."""

    values: np.ndarray  # (h, w)
    name: str  # of its quantity, for the hover text
    low: float  # value of the darkest colour
    high: float
    palette: str
    smooth: bool = True  # between cells; False shows the cells
    digits: int = 3  # in the hover text
    fading: bool = True  # low values let the image through, and the slider fades it; False: always opaque
    texts: np.ndarray | None = None  # (h, w) words for the hover text, instead of the value


@dataclass(frozen=True)
class Outline:
    """A box to draw on an image."""

    box: Corners
    colour: str
    tag: str = ""  # in its upper left corner
    hover: str = ""  # at its centre
    dotted: bool = False
    fill: str = "rgba(0,0,0,0)"
    width: float = 2


@dataclass(frozen=True)
class Panel:
    """One image of a figure."""

    title: str
    pixels: np.ndarray  # (H, W, 3) uint8; shown grey under a fading map: there, colour belongs to the map
    layer: Layer | None = None
    outlines: Sequence[Outline] = ()
    place: Corners | None = None  # where the image lies in the network input; None: it is all of it
    linked: bool = True  # zooms with the others; False for another cut of the image


def panels(
    items: Sequence[Panel | None], *, columns: int, side: int, bar: str = "", row_titles: Sequence[str] = ()
) -> go.Figure:
    """A grid of images; linked ones zoom and move together, and one slider fades all maps.

    Args:
        items: row by row; None leaves a place empty.
        columns: images in a row.
        side: height of one image, pixels.
        bar: title of a colour bar, for maps that share their range; "": none.
        row_titles: written at the left of each row.
    """
    rows = -(-len(items) // columns)
    traces: list[go.Image | go.Heatmap | go.Scatter] = []
    layout: dict[str, Any] = {"shapes": [], "annotations": []}  # plain until the end: plotly checks every change of it
    palettes: dict[int, str] = {}
    for number in range(rows * columns):
        item = items[number] if number < len(items) else None
        domains = _domains(number, rows, columns, side)
        if item is None:
            layout |= {f"{axis}axis{_suffix(number)}": {"visible": False, "domain": domains[axis]} for axis in "xy"}
            continue
        where = {"xaxis": f"x{_suffix(number)}", "yaxis": f"y{_suffix(number)}"}
        place = item.place or (0.0, 0.0, float(item.pixels.shape[1]), float(item.pixels.shape[0]))
        traces.append(_image(item, place).update(where))
        if item.layer is not None:
            if item.layer.fading:
                palettes[len(traces)] = item.layer.palette
            traces.append(_heatmap(item.layer, place).update(where))
        traces += [points.update(where) for points in _draw_outlines(layout, item.outlines, place, number)]
        layout |= _axes(place, number, item.linked, domains)
        layout["annotations"].append(_title(item.title, number))
    layout["annotations"] += [_row_title(title, row * columns) for row, title in enumerate(row_titles)]
    layout |= {
        "height": rows * side + rows * _TITLE_HEIGHT + (_SLIDER_DEPTH if palettes else 8),
        "margin": {"l": 26 if row_titles else 0, "r": _BAR_WIDTH if bar and palettes else 0, "t": _TITLE_HEIGHT, "b": 8}
        | {"autoexpand": False},  # the room is known: plotly need not draw twice to find it
        "showlegend": False,
        "hoverlabel": {"namelength": 0},
    }
    figure = go.Figure(traces, layout)
    if palettes:
        style.opacity_slider(figure, palettes, depth=_SLIDER_DEPTH)
        if bar:
            _show_bar(figure, next(iter(palettes)), bar)
    return figure


def _domains(number: int, rows: int, columns: int, side: int) -> dict[str, list[float]]:
    """Where a place of the grid lies in the figure, from 0 to 1."""
    down, across = divmod(number, columns)
    gap = _TITLE_HEIGHT / (rows * side + (rows - 1) * _TITLE_HEIGHT)
    width, height = (1 - _GAP * (columns - 1)) / columns, (1 - gap * (rows - 1)) / rows
    left, top = across * (width + _GAP), 1 - down * (height + gap)
    return {"x": [left, left + width], "y": [max(0.0, top - height), top]}


def cell_centres(count: int, start: float, stop: float) -> tuple[float, float]:
    """Plotly's x0 and dx of `count` cells that share out the pixels from `start` to `stop`.

    Pixel i covers [i, i + 1) in `fgcore`; plotly puts its centre at i. Hence the half pixel.
    """
    size = (stop - start) / count
    return start + size / 2 - 0.5, size


def outside(box: Corners, size: tuple[int, int], fill: str = "rgba(0,0,0,0.55)") -> list[Outline]:
    """Four areas that darken an image of size (H, W) around a box."""
    x1, y1, x2, y2 = box
    height, width = size
    around = ((0, 0, width, y1), (0, y2, width, height), (0, y1, x1, y2), (x2, y1, width, y2))
    areas = [area for area in around if area[2] > area[0] and area[3] > area[1]]
    return [Outline(area, "rgba(0,0,0,0)", fill=fill, width=0) for area in areas]


def _grid(shape: tuple[int, ...], place: Corners) -> dict[str, float]:
    x0, dx = cell_centres(shape[1], place[0], place[2])
    y0, dy = cell_centres(shape[0], place[1], place[3])
    return {"x0": x0, "dx": dx, "y0": y0, "dy": dy}


def _image(item: Panel, place: Corners) -> go.Image:
    under_map = item.layer is not None and item.layer.fading
    pixels = render.grey(item.pixels) if under_map else item.pixels
    return go.Image(source=style.jpeg_source(pixels), hoverinfo="skip", **_grid(pixels.shape, place))


def _heatmap(layer: Layer, place: Corners) -> go.Heatmap:
    told = f"%{{z:.{layer.digits}f}}" if layer.texts is None else "%{text}"
    return go.Heatmap(
        z=layer.values,
        zmin=layer.low,
        zmax=layer.high,
        zsmooth="best" if layer.smooth else False,
        colorscale=style.colourscale(layer.palette, fading=layer.fading),
        opacity=style.STEPS[style.START],
        showscale=False,
        hoverongaps=False,
        text=layer.texts,
        hovertemplate=f"{layer.name} {told}<br>x %{{x:.0f}}, y %{{y:.0f}} px<extra></extra>",
        **_grid(layer.values.shape, place),
    )


def _show_bar(figure: go.Figure, trace: int, title: str) -> None:
    title_of_bar = {"text": title, "side": "right", "font": {"size": 12}}
    figure.data[trace].update(
        showscale=True,
        colorbar={"title": title_of_bar, "thickness": 10, "outlinewidth": 0, "nticks": 5, "xpad": 6, "ypad": 0}
        | {"len": 200, "lenmode": "pixels", "y": 1, "yanchor": "top"},
    )


def _draw_outlines(
    layout: dict[str, Any], outlines: Sequence[Outline], place: Corners, number: int
) -> list[go.Scatter]:
    """Adds boxes and tags to the layout; returns the points that say what they are, if they say anything."""
    where = {"xref": f"x{_suffix(number)}", "yref": f"y{_suffix(number)}"}
    for outline in outlines:
        x1, y1, x2, y2 = (side - 0.5 for side in outline.box)
        corners = {"type": "rect", "x0": x1, "y0": y1, "x1": x2, "y1": y2, **where}
        if outline.width and not outline.dotted:  # a dark edge keeps the line legible on any image
            layout["shapes"].append({"line": {"color": "rgba(0,0,0,0.5)", "width": outline.width + 2}, **corners})
        dash = "dot" if outline.dotted else "solid"
        line = {"color": outline.colour, "width": outline.width, "dash": dash}
        layout["shapes"].append({"line": line, "fillcolor": outline.fill, **corners})
        if outline.tag:
            corner = {"x": max(x1, place[0] - 0.5), "y": max(y1, place[1] - 0.5), "xanchor": "left", "yanchor": "top"}
            layout["annotations"].append(
                {"text": outline.tag, "showarrow": False, "borderpad": 2, "bgcolor": outline.colour}
                | {"font": {"size": 10, "color": "#101618"}, **corner, **where}
            )
    spoken = [outline for outline in outlines if outline.hover]
    return [_hover_points(spoken)] if spoken else []


def _hover_points(outlines: Sequence[Outline]) -> go.Scatter:
    """Invisible points at the boxes' centres that say what the boxes are."""
    return go.Scatter(
        x=[(outline.box[0] + outline.box[2]) / 2 - 0.5 for outline in outlines],
        y=[(outline.box[1] + outline.box[3]) / 2 - 0.5 for outline in outlines],
        mode="markers",
        marker={"size": 24, "opacity": 0},
        hovertext=[outline.hover for outline in outlines],
        hoverinfo="text",
    )


def _suffix(number: int) -> str:
    return str(number + 1) if number else ""


def _axes(place: Corners, number: int, linked: bool, domains: Mapping[str, list[float]]) -> dict[str, Any]:
    suffix = _suffix(number)
    shared = {"visible": False, "constrain": "domain"}
    x = {"range": [place[0] - 0.5, place[2] - 0.5], "anchor": f"y{suffix}", "domain": domains["x"], **shared}
    y = {"range": [place[3] - 0.5, place[1] - 0.5], "anchor": f"x{suffix}", "domain": domains["y"], **shared}
    y |= {"scaleanchor": f"x{suffix}", "constraintoward": "top"}
    if linked and number:
        x["matches"], y["matches"] = "x", "y"
    return {f"xaxis{suffix}": x, f"yaxis{suffix}": y}


def _of_image(number: int) -> dict[str, str]:
    """References to an image's own place, from 0 to 1."""
    return {"xref": f"x{_suffix(number)} domain", "yref": f"y{_suffix(number)} domain", "showarrow": False}


def _title(text: str, number: int) -> dict[str, Any]:
    """A title that stays on top of its image however narrow the figure becomes."""
    anchor = {"x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom"}
    return {"text": text, "font": {"size": 12}, "align": "left", "borderpad": 3, **anchor, **_of_image(number)}


def _row_title(text: str, number: int) -> dict[str, Any]:
    anchor = {"x": 0, "xshift": -6, "y": 0.5, "xanchor": "right", "textangle": -90}
    return {"text": text, "font": {"size": 12}, **anchor, **_of_image(number)}
