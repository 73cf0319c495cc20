"""Two models side by side: what differs on average, and the images where they part."""

import pandas as pd
import streamlit as st

from app import state
from app.components.analysis.images import gallery
from app.components.analysis.words import MAP_NAMES, measure, models_of
from app.components.text import percent, section
from fgcore.evaluation import summary, tables
from fgcore.evaluation.store import Analysis

_OWN = "each model's own"
FILTERS = {
    "predictions_differ": "They answer differently",
    "parts_differ": "They look at different parts",
    "only_first_right": "Only the first is right",
    "only_second_right": "Only the second is right",
    "": "All images",
}
_MOST = 4  # images shown at once where none is chosen


def show(analysis: Analysis, models: list[str], key: str) -> None:
    """The whole view."""
    names = models_of(analysis)
    if len(models) < 2:
        st.info("Choose at least two models above to compare them.", icon=":material/compare:")
        return
    left, right = st.columns(2, gap="medium")
    first = left.selectbox("First", models, format_func=names.get, key=state.analyse.SIDES.format(side=1, analysis=key))
    others = [model for model in models if model != first]
    second = right.selectbox(
        "Second", others, format_func=names.get, key=state.analyse.SIDES.format(side=2, analysis=key)
    )
    if second not in others:
        second = others[0]
    _differences(analysis, first, second, names)
    _pictures(analysis, first, second, names, key)


@st.cache_data(max_entries=32, show_spinner=False)
def _compared(folder: str, stamp: str, first: str, second: str, _analysis: Analysis) -> pd.DataFrame:
    settings = _analysis.about["settings"]
    return summary.differences(
        _analysis.images, _analysis.maps, first, second, resamples=settings["resamples"], seed=settings["seed"]
    )


def _differences(analysis: Analysis, first: str, second: str, names: dict[str, str]) -> None:
    section(
        "What differs on average",
        "Second minus first on the same images, with the 95&nbsp;% interval of the difference. Where it holds zero, "
        "these images cannot tell the two apart.",
    )
    stamp = str((analysis.folder / "summary.csv").stat().st_mtime_ns)
    rows = _compared(str(analysis.folder), stamp, first, second, analysis)
    table = pd.DataFrame(
        {
            "Measure": rows["measure"].map(lambda name: measure(name).title),
            "Map": rows["map"].map(MAP_NAMES),
            names[first]: rows["first"],
            names[second]: rows["second"],
            "Difference": rows["difference"],
            "Low": rows["low"],
            "High": rows["high"],
            "Images": rows["images"],
        }
    )
    numbers = [names[first], names[second], "Difference", "Low", "High"]
    config = {name: st.column_config.NumberColumn(format="%.3f") for name in numbers}
    st.container(key="ana-differences").dataframe(table, hide_index=True, column_config=config)


def _pictures(analysis: Analysis, first: str, second: str, names: dict[str, str], key: str) -> None:
    section("Where they part", "Choose an image to see it; click a column's head to sort.")
    classes = analysis.about["class_names"]
    common = [name for name in MAP_NAMES if all(_has(analysis, model, name) for model in (first, second))]
    left, middle, right = st.columns(3)
    wish = left.selectbox("Show", list(FILTERS), format_func=FILTERS.get, key=state.analyse.FILTER, bind="query-params")
    chosen = middle.selectbox("Class", [state.analyse.ALL, *classes], key=state.analyse.CLASS.format(analysis=key))
    offered = [_OWN, *(name for name in common if name not in ("random", "centre", "channel"))]
    which = right.selectbox(
        "The part at the peak of", offered, format_func=lambda name: MAP_NAMES.get(name, name),
        key=state.analyse.MAP.format(analysis=key),
    )  # fmt: skip
    rows = tables.side_by_side(
        analysis.images, analysis.maps, first, second, "" if which not in common else which
    ).reset_index()
    if wish:
        rows = rows[rows[wish]]
    if chosen in classes:
        rows = rows[rows["target"] == classes.index(chosen)]
    st.caption(f"{len(rows)} of {analysis.about['images']} images.")
    if rows.empty:
        return
    event = st.dataframe(
        _readable(rows, classes, names[first], names[second]), hide_index=True, key=state.analyse.PICTURES,
        on_select="rerun", selection_mode="multi-row", height=330,
    )  # fmt: skip
    picked = [number for number in event["selection"]["rows"] if number < len(rows)]
    shown = rows.iloc[picked] if picked else rows.head(_MOST)
    captions = [_caption(row, classes, names[first], names[second]) for row in shown.itertuples()]
    gallery(analysis, shown, captions, (first, second), key="ana-side")


def _has(analysis: Analysis, model: str, name: str) -> bool:
    return bool(((analysis.maps["model"] == model) & (analysis.maps["map"] == name)).any())


def _readable(rows: pd.DataFrame, classes: list[str], first: str, second: str) -> pd.DataFrame:
    def names(column: str) -> pd.Series:
        return rows[column].map(lambda k: classes[k])

    table = {"Image": rows["index"], "Class": names("target")}
    for side, title in (("first", first), ("second", second)):
        table |= {
            f"{title} says": names(f"prediction_{side}"),
            f"{title}, true class": rows[f"probability_{side}"].round(3),
            f"{title} looks at": rows[f"part_{side}"].str.replace("_", " "),
        }
    return pd.DataFrame(table)


def _caption(row: object, classes: list[str], first: str, second: str) -> str:
    said = [
        f"{title}: {classes[getattr(row, f'prediction_{side}')]}"
        + (f", looks at {part.replace('_', ' ')}" if (part := getattr(row, f"part_{side}")) else "")
        + f" (true class {percent(getattr(row, f'probability_{side}'))})"
        for side, title in (("first", first), ("second", second))
    ]
    return f"{classes[row.target]}. {said[0]}. {said[1]}."
