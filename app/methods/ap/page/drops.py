"""What each ROI's absence changes: a heat map of differences, and the ROIs as places to click."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from app.charts import style

_DIFFERENCES = "PuOr"  # orange: down, purple: up; told apart by colour-blind readers
_LEAST = 1.0  # percentage points that the scale spans at least, so that noise stays pale


def changes(values: np.ndarray, rows: Sequence[str], columns: Sequence[str], *, chosen: int | None) -> go.Figure:
    """Changes of a probability, one row per ROI, one column per head; a click on a cell selects its row.

    Args:
        values: (ROIs, heads) in percentage points.
        rows: names of the ROIs.
        columns: names of the heads.
        chosen: the row to frame; None: none.
    """
    high = max(_LEAST, float(np.abs(values).max(initial=0)))
    figure = go.Figure(
        go.Heatmap(
            z=values, x=list(range(len(columns))), y=list(range(len(rows))), xgap=2, ygap=2, zmin=-high, zmax=high,
            colorscale=style.colourscale(_DIFFERENCES), showscale=False, hoverinfo="skip",
            text=[[signed(value) for value in row] for row in values], texttemplate="%{text}", textfont_size=12,
        )
    )  # fmt: skip
    figure.add_trace(_buttons(values, rows, columns))
    if chosen is not None:
        frame = {"x0": -0.5, "x1": len(columns) - 0.5, "y0": chosen - 0.5, "y1": chosen + 0.5}
        figure.add_shape(type="rect", line={"color": "#2a93ab", "width": 3}, **frame)
    plain = {"showgrid": False, "zeroline": False, "ticks": "", "fixedrange": True}
    figure.update_xaxes(
        tickvals=list(range(len(columns))), ticktext=list(columns), side="top", tickfont_size=11, tickangle=0,
        range=[-0.5, len(columns) - 0.5], **plain,
    )  # fmt: skip
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=list(rows), tickfont_size=11,
        range=[len(rows) - 0.5, -0.5], **plain,
    )  # fmt: skip
    figure.update_layout(
        height=54 + 30 * len(rows), margin={"l": 0, "r": 0, "t": 50, "b": 4}, dragmode=False, showlegend=False,
        clickmode="event+select",
    )  # fmt: skip
    return figure


def _buttons(values: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> go.Scatter:
    """Invisible points on the cells: a heat map itself selects nothing."""
    cells = [(row, column) for row in range(len(rows)) for column in range(len(columns))]
    invisible = {"marker": {"opacity": 0}}
    return go.Scatter(
        x=[column for _, column in cells],
        y=[row for row, _ in cells],
        customdata=[row for row, _ in cells],
        mode="markers",
        marker={"size": 26, "opacity": 0, "symbol": "square"},
        selected=invisible,
        unselected=invisible,
        hovertext=[f"without {rows[r]}<br>{columns[c]}: {signed(values[r, c])} points" for r, c in cells],
        hoverinfo="text",
    )


def boxes_to_click(boxes: Sequence[tuple[float, float, float, float]], names: Sequence[str]) -> go.Scatter:
    """Dots at the centres of boxes; a click on one selects it, with its number as `customdata`."""
    faded = {"marker": {"opacity": 0.9}}
    return go.Scatter(
        x=[(box[0] + box[2]) / 2 - 0.5 for box in boxes],
        y=[(box[1] + box[3]) / 2 - 0.5 for box in boxes],
        customdata=list(range(len(boxes))),
        mode="markers",
        marker={"size": 14, "opacity": 0.9, "color": "rgba(0, 0, 0, 0.6)", "line": {"width": 2.5, "color": "#ffffff"}},
        selected=faded,
        unselected=faded,
        hovertext=[f"drop {name}" for name in names],
        hoverinfo="text",
    )


def signed(points: float) -> str:
    """Percentage points with their sign; a change that rounds to nothing is a plain 0."""
    rounded = round(float(points), 1)
    if rounded == 0:
        return "0"
    return f"{rounded:+.1f}".replace("-", "−")
