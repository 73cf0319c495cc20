"""The channels of one class as one heat map: tiles with gaps of nan between them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from app.charts import style

_WIDTH = 420  # pixels that a mosaic is expected to get; a wider or narrower place scales it
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
) -> go.Figure:
    """One class's channels, raw, each over a small copy of the picture.

    Args:
        channels: (xi, h, w), values >= 0.
        numbers: the channels' numbers in the network, xi of them.
        kept: (xi,) bool; dropped channels are veiled and their numbers struck out.
        pixels: (H, W, 3) uint8, the network input.
        high: value of the brightest colour; the darkest is 0.
        columns: tiles in a row.
    """
    mosaic = assemble(channels, columns)
    rows, width = mosaic.values.shape
    figure = go.Figure(
        go.Heatmap(
            z=mosaic.values,
            customdata=_origins(mosaic, channels.shape, numbers),
            zmin=0,
            zmax=high,
            colorscale=style.colourscale(style.CHANNELS, fading=True),
            opacity=style.STEPS[style.START],
            hoverongaps=False,
            showscale=False,
            hovertemplate="channel %{customdata[0]}, row %{customdata[1]}, column %{customdata[2]}"
            "<br>value %{z:.4g}<extra></extra>",
        )
    )
    source = style.jpeg_source(style.grey(pixels), side=112)
    tile = {"sizex": channels.shape[2], "sizey": channels.shape[1], "sizing": "stretch"}
    for left, top, number, keep in zip(mosaic.lefts, mosaic.tops, numbers, kept, strict=True):
        figure.add_layout_image(source=source, x=left - 0.5, y=top - 0.5, xref="x", yref="y", layer="below", **tile)
        _label(figure, left, top, str(number) if keep else f"<s>{number}</s>")
        if not keep:
            _veil(figure, left, top, channels.shape)
    figure.update_xaxes(range=[-0.5, width - 0.5], visible=False, constrain="domain")
    figure.update_yaxes(
        range=[rows - 0.5, -0.5], visible=False, scaleanchor="x", constrain="domain", constraintoward="top"
    )
    height = round(_WIDTH * rows / width)
    figure.update_layout(height=height + 66, margin={"l": 0, "r": 0, "t": 8, "b": 58}, hoverlabel_namelength=0)
    style.opacity_slider(figure, {0: style.CHANNELS}, depth=58)
    return figure


def _origins(mosaic: Mosaic, shape: tuple[int, ...], numbers: Sequence[int]) -> np.ndarray:
    """(rows, columns, 3): which channel, row and column a cell of the mosaic shows; -1 between tiles."""
    _, height, width = shape
    origins = np.full((*mosaic.values.shape, 3), -1, np.int32)
    row, column = np.indices((height, width))
    for left, top, number in zip(mosaic.lefts, mosaic.tops, numbers, strict=True):
        origins[top : top + height, left : left + width] = np.stack([np.full_like(row, number), row, column], axis=2)
    return origins


def _label(figure: go.Figure, left: int, top: int, text: str) -> None:
    figure.add_annotation(
        text=text,
        x=left - 0.5,
        y=top - 0.5,
        xanchor="left",
        yanchor="bottom",
        showarrow=False,
        font_size=10,
        borderpad=0,
    )


def _veil(figure: go.Figure, left: int, top: int, shape: tuple[int, ...]) -> None:
    corners = {"x0": left - 0.5, "y0": top - 0.5, "x1": left + shape[2] - 0.5, "y1": top + shape[1] - 0.5}
    figure.add_shape(type="rect", fillcolor="rgba(128, 138, 142, 0.4)", line_width=0, **corners)
