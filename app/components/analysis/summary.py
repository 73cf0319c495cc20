"""The summary of an analysis: one measure drawn, all of them in a table, and the classes one by one."""

import pandas as pd
import streamlit as st

from app import state
from app.charts import style
from app.charts.analysis import measure_figure
from app.components.analysis.words import MAP_NAMES, VERDICTS, is_share, measure, measures_of, models_of
from app.components.text import section
from fgcore.evaluation.maps import CONTROLS
from fgcore.evaluation.store import Analysis
from fgcore.evaluation.summary import ITSELF, LOSES

_FIRST = (
    "pointing_discriminative",
    "pointing_box",
    "top1",
)  # the measure drawn first: the first of these that there is


def show(analysis: Analysis, models: list[str]) -> None:
    """The whole view, for these models."""
    rows = analysis.summary[analysis.summary["model"].isin(models)]
    names = models_of(analysis)
    _one_measure(rows, names)
    _table(rows, names)
    _classes(analysis, models, names)


def _one_measure(rows: pd.DataFrame, names: dict[str, str]) -> None:
    section(
        "One measure",
        "Each dot is a mean over the images with its 95&nbsp;% bootstrap interval. Grey: maps that never saw the "
        "image, a random one and one that always points at the middle. What does not beat them has shown nothing.",
    )
    offered = measures_of(rows)
    first = next((name for name in _FIRST if name in offered), offered[0])
    chosen = st.selectbox(
        "Measure", offered, index=offered.index(first), format_func=lambda name: measure(name).title,
        key=state.analyse.MEASURE, bind="query-params",
    )  # fmt: skip
    chosen = chosen if chosen in offered else first
    better = {1: "More is better.", -1: "Less is better.", 0: ""}[measure(chosen).better]
    st.caption(f"{measure(chosen).meaning} {better}")
    shown = _controls_once(rows[rows["measure"] == chosen].assign(model=lambda table: table["model"].map(names)))
    figure = measure_figure(shown, MAP_NAMES, measure(chosen).title, percent=is_share(chosen))
    st.plotly_chart(
        figure, key=f"ana-measure-{chosen}", config=style.CONFIG, alt=f"{measure(chosen).title} of every map and model"
    )
    lost = shown[shown["against"] == LOSES]
    if len(lost):
        who = ", ".join(f"{MAP_NAMES[name]} of {model}" for model, name in zip(lost["model"], lost["map"], strict=True))
        st.warning(f"A control does better than: {who}.", icon=":material/balance:")


def _controls_once(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with controls that are the same for all models once, without a model, at the end."""
    is_control = rows["map"].isin(CONTROLS)
    controls = rows[is_control]
    same = controls.groupby("map")["mean"].agg(lambda means: len(means) > 1 and means.max() - means.min() < 1e-6)
    alike = controls["map"].map(same).astype(bool)
    once = controls[alike].drop_duplicates("map").assign(model="")
    return pd.concat([rows.drop(controls[alike].index), once])


def _table(rows: pd.DataFrame, names: dict[str, str]) -> None:
    section(
        "All measures",
        "Click a column's head to sort. *Against control*: does it beat the better of the grey maps?",
    )
    table = pd.DataFrame(
        {
            "Measure": rows["measure"].map(lambda name: measure(name).title),
            "Model": rows["model"].map(names),
            "Map": rows["map"].map(MAP_NAMES),
            "Mean": rows["mean"],
            "Low": rows["low"],
            "High": rows["high"],
            "Control": rows["control"],
            "Against control": rows["against"].map(VERDICTS),
            "Images": rows["images"],
        }
    )
    st.container(key="ana-summary").dataframe(
        table, hide_index=True, column_config=_numbers("Mean", "Low", "High", "Control"), placeholder=""
    )
    st.download_button(
        "Table (CSV)", rows.to_csv(index=False), "finegrain-lens-summary.csv", "text/csv", on_click="ignore",
        icon=":material/download:", key="ana-download",
    )  # fmt: skip


def _numbers(*columns: str) -> dict[str, object]:
    return {name: st.column_config.NumberColumn(format="%.3f") for name in columns}


def _classes(analysis: Analysis, models: list[str], names: dict[str, str]) -> None:
    section("Class by class", "The same means over the images of one class. Few images, wide intervals.")
    rows = analysis.classes[analysis.classes["model"].isin(models)]
    chosen = st.session_state.get(state.analyse.MEASURE) or "top1"
    rows = rows[rows["measure"] == (chosen if chosen in set(rows["measure"]) else "top1")]
    if rows.empty:
        return
    st.caption(measure(rows["measure"].iloc[0]).title)
    several = rows["map"].nunique() > 1 or rows["map"].iloc[0] != ITSELF
    column = rows["model"].map(names) + (", " + rows["map"].map(MAP_NAMES) if several else "")
    wide = rows.assign(column=column).pivot(index="class", columns="column", values="mean")
    counts = rows.groupby("class")["images"].max().rename("Images")
    table = wide[list(dict.fromkeys(column))].join(counts).rename_axis("Class").reset_index()
    st.container(key="ana-classes").dataframe(
        table, hide_index=True, column_config=_numbers(*wide.columns), placeholder=""
    )
