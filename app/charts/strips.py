"""Small figures of numbers: how much two channels share, and how strongly channels are gated."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts import style


def overlap_matrices(
    matrices: Sequence[tuple[str, np.ndarray]], numbers: Sequence[Sequence[int]], *, height: int
) -> go.Figure:
    """The shared mass of each pair of channels, one matrix per class on one scale from 0 to 1.

    Args:
        matrices: title and (xi, xi), 0 where two channels look at disjoint places, 1 where at the same.
        numbers: the channels' numbers, for each matrix.
        height: of the figure, pixels.
    """
    figure = make_subplots(1, len(matrices), subplot_titles=[title for title, _ in matrices], horizontal_spacing=0.08)
    for column, ((_, matrix), names) in enumerate(zip(matrices, numbers, strict=True), start=1):
        labels = [str(name) for name in names]
        figure.add_trace(
            go.Heatmap(
                z=matrix, x=labels, y=labels, zmin=0, zmax=1, xgap=1, ygap=1,
                colorscale=style.colourscale(style.CHANNELS), showscale=column == 1,
                colorbar={"thickness": 10, "outlinewidth": 0, "tickvals": [0, 0.5, 1], "xpad": 6, "ypad": 0},
                hovertemplate="channels %{x} and %{y}<br>share %{z:.2f} of their mass<extra></extra>",
            ),
            row=1, col=column,
        )  # fmt: skip
        anchor = f"x{column}" if column > 1 else "x"
        figure.update_yaxes(autorange="reversed", scaleanchor=anchor, constrain="domain", row=1, col=column)
    figure.update_xaxes(type="category", showgrid=False, ticks="", showticklabels=False, constrain="domain")
    figure.update_yaxes(type="category", showgrid=False, ticks="", showticklabels=False, constraintoward="top")
    figure.update_annotations(font_size=12)
    figure.update_layout(height=height, margin={"l": 0, "r": 0, "t": 30, "b": 8})
    return figure


def gate_strips(gates: Mapping[str, np.ndarray], *, height: int) -> go.Figure:
    """The channel gates of each level as a strip, one cell per channel, on one scale.

    Args:
        gates: name of the level -> (channels,), each in (0, 1).
        height: of the figure, pixels.
    """
    values = np.stack(list(gates.values()))  # (levels, channels)
    low, high = float(values.min()), float(values.max())
    figure = go.Figure(
        go.Heatmap(
            z=values, y=list(gates), ygap=3,
            zmin=low, zmax=high, colorscale=style.colourscale(style.GATES),
            colorbar={"thickness": 10, "outlinewidth": 0, "xpad": 6, "ypad": 0}
            | {"tickvals": [low, high], "tickformat": ".2f"},
            hovertemplate="%{y}, channel %{x}<br>gate %{z:.3f}<extra></extra>",
        )
    )  # fmt: skip
    title = {"text": "channel", "font_size": 12, "standoff": 6}
    figure.update_xaxes(showgrid=False, zeroline=False, title=title, tickfont_size=11)
    figure.update_yaxes(autorange="reversed", showgrid=False, tickfont_size=12)
    figure.update_layout(height=height, margin={"l": 0, "r": 0, "t": 26, "b": 42})
    return figure
