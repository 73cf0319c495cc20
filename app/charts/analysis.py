"""Figures of an analysis: means with their intervals beside the controls, and who is taken for whom."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app.charts import style

MODEL_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")  # Okabe and Ito
_ROW, _AROUND = 26, 74  # pixels


def measure_figure(rows: pd.DataFrame, names: Mapping[str, str], axis: str, *, percent: bool) -> go.Figure:
    """The mean of one measure for every map of every model, with its 95 % interval; controls in grey.

    Args:
        rows: of `summary.by_model`, one measure, in the order from top to bottom: model ("": all of them), map, mean,
            low, high, images.
        names: how to call maps.
        axis: title of the value axis.
        percent: whether the values are shares.
    """
    figure = go.Figure()
    models = list(dict.fromkeys(rows["model"]))
    labels = [
        f"{names[name]} · {model}" if model else names[name]
        for model, name in zip(rows["model"], rows["map"], strict=True)
    ]
    for number, model in enumerate(models):
        own = (rows["model"] == model).to_numpy()
        controls = rows["map"].isin(["random", "centre"]).to_numpy()
        for part, colour in (
            (own & ~controls, MODEL_COLOURS[number % len(MODEL_COLOURS)]),
            (own & controls, style.MUTED),
        ):
            shown = rows[part]
            if shown.empty:
                continue
            figure.add_trace(
                go.Scatter(
                    x=shown["mean"], y=[label for label, here in zip(labels, part, strict=True) if here],
                    error_x={
                        "type": "data", "symmetric": False, "thickness": 1.5, "width": 4, "color": colour,
                        "array": shown["high"] - shown["mean"], "arrayminus": shown["mean"] - shown["low"],
                    },
                    mode="markers", marker={"size": 9, "color": colour}, name=model, showlegend=False,
                    customdata=shown[["low", "high", "images"]],
                    hovertemplate="%{y}<br>%{x:.3g}, 95 %: %{customdata[0]:.3g} to %{customdata[1]:.3g}"
                    "<br>%{customdata[2]} images<extra></extra>",
                )
            )  # fmt: skip
    figure.update_yaxes(categoryorder="array", categoryarray=labels[::-1], automargin=True, tickfont_size=12)
    figure.update_xaxes(title={"text": axis, "font_size": 12}, tickformat=".0%" if percent else None, zeroline=True)
    figure.update_layout(height=_AROUND + _ROW * len(labels), margin={"l": 0, "r": 12, "t": 26, "b": 40})
    return figure


def confusion_figure(matrix: np.ndarray, names: Sequence[str], *, height: int) -> go.Figure:
    """Who is taken for whom: true class by predicted class, the diagonal left out of the colours.

    Args:
        matrix: (K, K) counts.
        names: K.
        height: of the figure, pixels.
    """
    wrong = matrix.astype(float)
    np.fill_diagonal(wrong, np.nan)
    high = float(np.nanmax(wrong)) if np.isfinite(wrong).any() else 1.0
    shown = np.where(wrong == 0, np.nan, wrong)
    figure = go.Figure(
        go.Heatmap(
            z=shown, x=list(names), y=list(names), zmin=0, zmax=max(high, 1), hoverongaps=False,
            colorscale=style.colourscale(style.CAM),
            colorbar={"thickness": 10, "outlinewidth": 0, "nticks": 4, "title": {"text": "pictures", "side": "right"}},
            hovertemplate="%{y}<br>taken for %{x}<br>%{z} images<extra></extra>",
        )
    )  # fmt: skip
    hidden = {"showticklabels": False, "ticks": "", "showgrid": False, "zeroline": False}
    figure.update_xaxes(title={"text": "predicted", "font_size": 12}, **hidden)
    figure.update_yaxes(title={"text": "true", "font_size": 12}, autorange="reversed", **hidden)
    figure.update_layout(height=height, margin={"l": 0, "r": 0, "t": 26, "b": 8})
    return figure
