"""The channels of one class as one heat map: tiles with gaps of nan between them."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import plotly.graph_objects as go

from app.charts import style
from fgcore.report import render

_WIDTH = 420  # pixels that a mosaic is expected to get; a wider or narrower place scales it
_TILE = 84  # pixels of the image's longer side beneath a tile
_GAP_X, _GAP_Y = 1, 4  # cells between tiles; the tall gap carries the channels' numbers


@dataclass(frozen=True)
class Mosaic:
    """Where the tiles of a mosaic lie; tile j fills rows `tops[j]` .. `tops[j] + h`, columns `lefts[j]` .. + w."""

    values: np.ndarray  # (rows, columns of cells), nan between tiles
    lefts: tuple[int, ...]
    tops: tuple[int, ...]


def columns_for(count: int) -> int:
    """Tiles in a row, so that the mosaic is about twice as wide as high and hardly any place stays empty."""
    widths = range(max(1, round((1.4 * count) ** 0.5)), max(1, round((3.2 * count) ** 0.5)) + 1)
    return min(widths, key=lambda width: (-count % width, -width))


def assemble(channels: np.ndarray, columns: int) -> Mosaic:
    """Channels (N, h, w) as tiles, row by row; a strip of nan above each tile has room for its number."""
    count, height, width = channels.shape
    rows = -(-count // columns)
    values = np.full((rows * (height + _GAP_Y), columns * (width + _GAP_X) - _GAP_X), np.nan, np.float32)
    lefts = tuple((number % columns) * (width + _GAP_X) for number in range(count))
    tops = tuple((number // columns) * (height + _GAP_Y) + _GAP_Y for number in range(count))
    for channel, left, top in zip(channels, lefts, tops, strict=True):
        values[top : top + height, left : left + width] = channel
    return Mosaic(values, lefts, tops)


def channel_mosaic(
    channels: np.ndarray,
    numbers: Sequence[int],
    kept: np.ndarray,
    pixels: np.ndarray,
    *,
    high: float,
    columns: int,
    clickable: bool = False,
    own_scale: bool = False,
) -> go.Figure:
    """One class's channels, raw, each over a small copy of the image.

    Args:
        channels: (xi, h, w), values >= 0.
        numbers: the channels' numbers in the network, xi of them.
        kept: (xi,) bool; dropped channels are veiled and their numbers struck out.
        pixels: (H, W, 3) uint8, the network input.
        high: value of the brightest colour; the darkest is 0.
        columns: tiles in a row.
        clickable: put an invisible point on each tile; a click on one selects it, with the channel's number as its
            `customdata` (a heat map itself selects nothing).
        own_scale: colour each channel from 0 to its own maximum instead; the hover text keeps the values.
    """
    peaks = channels.max((1, 2), keepdims=True)
    mosaic = assemble(channels / np.where(peaks > 0, peaks, 1) if own_scale else channels, columns)
    raw = assemble(channels, columns).values
    rows, width = mosaic.values.shape
    figure = go.Figure(
        go.Heatmap(
            z=mosaic.values,
            customdata=_origins(mosaic, channels.shape, numbers),
            text=raw if own_scale else None,
            zmin=0,
            zmax=1 if own_scale else high,
            colorscale=style.colourscale(style.CHANNELS, fading=True),
            opacity=style.STEPS[style.START],
            hoverongaps=False,
            showscale=False,
            hovertemplate="channel %{customdata[0]}, row %{customdata[1]}, column %{customdata[2]}"
            f"<br>value {'%{text:.4g}' if own_scale else '%{z:.4g}'}<extra></extra>",
        )
    )
    figure.add_trace(_labels(mosaic, numbers, kept))
    if clickable:
        figure.add_trace(_buttons(mosaic, channels, numbers, kept, columns))
    _dress(figure, mosaic, channels.shape, kept, pixels)
    figure.update_xaxes(range=[-0.5, width - 0.5], visible=False, constrain="domain")
    figure.update_yaxes(
        range=[rows - 0.5, -0.5], visible=False, scaleanchor="x", constrain="domain", constraintoward="top"
    )
    height = round(_WIDTH * rows / width)
    figure.update_layout(
        height=height + 66,
        margin={"l": 0, "r": 0, "t": 8, "b": 58, "autoexpand": False},  # the room is known
        hoverlabel_namelength=0,
        showlegend=False,
    )
    style.opacity_slider(figure, {0: style.CHANNELS}, depth=58)
    return figure


def _buttons(
    mosaic: Mosaic, channels: np.ndarray, numbers: Sequence[int], kept: np.ndarray, columns: int
) -> go.Scatter:
    """Invisible points on the tiles. They cover a tile's middle; its corners still tell the cells' values."""
    _, height, width = channels.shape
    peaks = [np.unravel_index(channel.argmax(), channel.shape) for channel in channels]
    words = [
        f"channel {number}, {'kept' if keep else 'dropped'}: click to {'drop' if keep else 'keep'} it"
        f"<br>highest value {channel.max():.3g} at row {peak[0]}, column {peak[1]}; mean {channel.mean():.3g}"
        for channel, number, keep, peak in zip(channels, numbers, kept, peaks, strict=True)
    ]
    invisible = {"marker": {"opacity": 0}}
    return go.Scatter(
        x=[left + (width - 1) / 2 for left in mosaic.lefts],
        y=[top + (height - 1) / 2 for top in mosaic.tops],
        customdata=list(numbers),
        mode="markers",
        marker={"size": 0.85 * _WIDTH / columns, "opacity": 0, "symbol": "square"},
        selected=invisible,
        unselected=invisible,
        hovertext=words,
        hoverinfo="text",
    )


def _origins(mosaic: Mosaic, shape: tuple[int, ...], numbers: Sequence[int]) -> np.ndarray:
    """(rows, columns, 3): which channel, row and column a cell of the mosaic shows; -1 between tiles."""
    _, height, width = shape
    origins = np.full((*mosaic.values.shape, 3), -1, np.int32)
    row, column = np.indices((height, width))
    for left, top, number in zip(mosaic.lefts, mosaic.tops, numbers, strict=True):
        origins[top : top + height, left : left + width] = np.stack([np.full_like(row, number), row, column], axis=2)
    return origins


def _labels(mosaic: Mosaic, numbers: Sequence[int], kept: np.ndarray) -> go.Scatter:
    """The channels' numbers above their tiles. One trace: plotly takes some twenty times as long over annotations."""
    return go.Scatter(
        x=[left - 0.5 for left in mosaic.lefts],
        y=[top - 0.5 for top in mosaic.tops],
        text=[str(number) if keep else f"<s>{number}</s>" for number, keep in zip(numbers, kept, strict=True)],
        mode="text",
        textposition="top right",
        textfont={"size": 10},
        cliponaxis=False,
        hoverinfo="skip",
    )


def _dress(figure: go.Figure, mosaic: Mosaic, shape: tuple[int, ...], kept: np.ndarray, pixels: np.ndarray) -> None:
    """Put the image beneath each tile, and a veil on the tiles of dropped channels."""
    veil = {"type": "rect", "fillcolor": "rgba(128, 138, 142, 0.4)", "line": {"width": 0}}
    corners = [(left - 0.5, top - 0.5) for left, top in zip(mosaic.lefts, mosaic.tops, strict=True)]
    rows, width = mosaic.values.shape
    figure.update_layout(
        images=[
            {"source": style.png_source(_backdrop(mosaic, shape, pixels)), "x": -0.5, "y": -0.5}
            | {"sizex": width, "sizey": rows, "sizing": "stretch", "xref": "x", "yref": "y", "layer": "below"}
        ],
        shapes=[
            {"x0": x, "y0": y, "x1": x + shape[2], "y1": y + shape[1], **veil}
            for keep, (x, y) in zip(kept, corners, strict=True)
            if not keep
        ],
    )


def _backdrop(mosaic: Mosaic, shape: tuple[int, ...], pixels: np.ndarray) -> np.ndarray:
    """The grey image once per tile and nothing between them, (rows, columns, 2) uint8: luminance and opacity.

    One image is drawn faster than twenty.
    """
    _, height, width = shape
    fine = max(1, _TILE // max(height, width))  # pixels of a cell
    tile = cv2.resize(render.grey(pixels), (width * fine, height * fine), interpolation=cv2.INTER_AREA)
    rows, columns = mosaic.values.shape
    backdrop = np.zeros((rows * fine, columns * fine, 2), np.uint8)
    for left, top in zip(mosaic.lefts, mosaic.tops, strict=True):
        place = backdrop[top * fine : (top + height) * fine, left * fine : (left + width) * fine]
        place[..., 0], place[..., 1] = tile[..., 0], 255
    return backdrop
