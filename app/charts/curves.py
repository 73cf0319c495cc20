"""Training curves: what the loss is made of, accuracy, learning rate and speed, over the epochs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from app.charts import style

_COLOURS = ("#2a93ab", "#d55e00", "#009e73", "#cc79a7")
_ROW = 190  # pixels
_FAINT, _CLEAR = {"width": 1, "opacity": 0.35}, {"width": 2.2, "opacity": 1}
Line = tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True)
class Plot:
    """One small plot."""

    title: str
    lines: Mapping[str, Line]  # name -> epochs and values
    within: Mapping[str, Line] = field(default_factory=dict)  # the same within the epochs, drawn faintly
    percent: bool = False  # values lie in [0, 100]


def curves(plots: Sequence[Plot], epochs: int, *, columns: int = 3) -> go.Figure:
    """Small plots beside each other, on one axis of epochs.

    Args:
        plots: row by row.
        epochs: of the whole run.
        columns: plots in a row.
    """
    rows = -(-len(plots) // columns)
    titles = [_heading(plot) for plot in plots]
    figure = make_subplots(
        rows, columns, subplot_titles=titles, horizontal_spacing=0.06, vertical_spacing=0.3 / max(rows, 1)
    )
    for number, plot in enumerate(plots):
        where = {"row": number // columns + 1, "col": number % columns + 1}
        for name, colour in zip(dict.fromkeys([*plot.lines, *plot.within]), _COLOURS, strict=False):
            for lines, look in ((plot.within, _FAINT), (plot.lines, _CLEAR)):
                x, y = lines.get(name, ((), ()))
                hover = f"{name}<br>epoch %{{x:.2f}}: %{{y:.4g}}<extra></extra>"
                marks = {"mode": "lines+markers" if len(x) < 2 else "lines", "marker": {"color": colour, "size": 5}}
                line = {"color": colour, "width": look["width"]}
                figure.add_scatter(
                    x=list(x), y=list(y), line=line, opacity=look["opacity"], hovertemplate=hover, **marks, **where
                )
        figure.update_yaxes(nticks=5, **where)
        if plot.percent:
            figure.update_yaxes(range=[-2, 102], **where)
    figure.update_xaxes(range=[0, epochs], nticks=6, zeroline=False, tickfont_size=11)
    figure.update_yaxes(zeroline=False, tickfont_size=11)
    for number in range(len(plots), rows * columns):
        where = {"row": number // columns + 1, "col": number % columns + 1}
        figure.update_xaxes(visible=False, **where)
        figure.update_yaxes(visible=False, **where)
    figure.update_annotations(font_size=12)
    figure.update_layout(height=rows * _ROW + 12, margin={"l": 0, "r": 0, "t": 30, "b": 8}, showlegend=False)
    return figure


def _heading(plot: Plot) -> str:
    """The title, with the lines' names in their colours where there is more than one."""
    every = dict.fromkeys([*plot.lines, *plot.within])
    if len(every) < 2:
        return plot.title
    names = [
        f"<span style='color:{colour}'>{style.plain_html(name)}</span>"
        for name, colour in zip(every, _COLOURS, strict=False)
    ]
    return f"{plot.title}: {', '.join(names)}"
