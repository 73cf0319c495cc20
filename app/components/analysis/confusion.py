"""Who a model takes for whom: the matrix, the pairs it confuses most, and the images where it does."""

import pandas as pd
import streamlit as st

from app import state
from app.charts import style
from app.charts.analysis import confusion_figure
from app.components.analysis.images import gallery
from app.components.analysis.words import models_of
from app.components.text import percent, plain, section
from fgcore.evaluation import tables
from fgcore.evaluation.store import Analysis

_MOST = 8  # examples at once
_HEIGHT = 420  # pixels


def show(analysis: Analysis, models: list[str], key: str) -> None:
    """The whole view; one of the models is asked."""
    names = models_of(analysis)
    model = st.selectbox("Model", models, format_func=names.get, key=state.analyse.MODEL.format(analysis=key))
    model = model if model in models else models[0]
    classes = analysis.about["class_names"]
    pairs = tables.confused_pairs(analysis.images, model)
    left, right = st.columns([1.25, 1], gap="medium")
    with left:
        section("The most confused pairs", "Choose a pair to see where it happens; click a column's head to sort.")
        chosen = _pairs(pairs, classes)
    with right:
        section("Who is taken for whom", "Rows are true, columns predicted; what is right is left out.")
        matrix = tables.confusion(analysis.images, model, len(classes))
        st.plotly_chart(
            confusion_figure(matrix, classes, height=_HEIGHT), key=f"ana-confusion-{key}-{model}", config=style.CONFIG,
            alt=f"Confusion matrix of {plain(names[model])}",
        )  # fmt: skip
    if chosen is None:
        st.success("No image was taken for another class.")
        return
    _examples(analysis, model, models, int(chosen["first"]), int(chosen["second"]))


def _pairs(pairs: pd.DataFrame, classes: list[str]) -> pd.Series | None:
    """The pair that the visitor chose, the most confused one at first; None where there is none."""
    if pairs.empty:
        return None
    table = pd.DataFrame(
        {
            "Class": pairs["first"].map(lambda k: classes[k]),
            "Look-alike": pairs["second"].map(lambda k: classes[k]),
            "Count": pairs["confused"],
            "Share": 100 * pairs["share"],
        }
    )
    event = st.dataframe(
        table, hide_index=True, key=state.analyse.PAIRS, on_select="rerun", selection_mode="single-row", height=_HEIGHT,
        column_config={
            "Class": st.column_config.TextColumn(width=150),
            "Look-alike": st.column_config.TextColumn(width=150),
            "Count": st.column_config.NumberColumn(width=64, help="Images of either class taken for the other."),
            "Share": st.column_config.NumberColumn(width=64, format="%.0f %%", help="Of all images of both classes."),
        },
    )  # fmt: skip
    rows = event["selection"]["rows"]
    return pairs.iloc[rows[0] if rows and rows[0] < len(pairs) else 0]


def _examples(analysis: Analysis, model: str, models: list[str], first: int, second: int) -> None:
    classes = analysis.about["class_names"]
    rows = tables.examples(analysis.images, model, first, second)
    count = f"{len(rows)} image{'s' * (len(rows) != 1)}"
    section(
        f"{plain(classes[first])} and {plain(classes[second])}",
        f"{count} of one taken for the other, the surest mistake first."
        + (f" The first {_MOST} are shown." if len(rows) > _MOST else ""),
    )
    shown = rows.head(_MOST)
    captions = [
        f"{classes[row.target]}, taken for {classes[row.prediction]} ({percent(row.confidence)})"
        for row in shown.itertuples()
    ]
    gallery(analysis, shown, captions, models, key="ana-example")
