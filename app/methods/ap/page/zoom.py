"""AP-CNN between its two passes: what is cut out, and what is lost when an ROI is dropped."""

from dataclasses import replace
from functools import partial

import numpy as np
import streamlit as st

from app.charts import style
from app.charts.panels import Layer, Outline, Panel, panels
from app.components.text import percent, plain, table
from app.methods.ap import session
from app.methods.ap.drawing import FOR_THE_EYE, HEAD_NAMES, cut_out, zoom_frame, zoom_panels, zoom_size
from app.methods.ap.page import drops
from fgcore.methods.ap.records import DropEffects, Dropped
from fgcore.records import Explanation

_SHORT_HEADS = tuple(f"{stage}<br>{head}" for stage in ("I", "II") for head in ("L3", "L4", "L5", "all"))


def zoom(shown: Explanation, *, key: str) -> None:
    """The zoom box on features and image, and what is cut out of each."""
    detail = shown.detail
    level3, zoomed = detail.stage1.backbone.level3, detail.zoomed
    high = float(max(level3.strength.max(), zoomed.strength.max()))
    features = [
        Layer(item.strength, "mean |feature|", 0, high, style.CHANNELS, smooth=False, fading=False)
        for item in (level3, zoomed)
    ]
    around, cut = zoom_panels(shown)
    whole = Panel("Level 3 of the trunk", shown.view.pixels, features[0], [zoom_frame(detail)])
    items = [around, whole, replace(cut, title="The same, cut out and resized", layer=features[1]), cut]
    with st.container(key=f"strip-ap-zoom-{key}"):
        st.plotly_chart(
            panels(items, columns=4, side=205), config=style.CONFIG, key=f"ap-zoom-{key}",
            alt="ROIs and zoom box on the image; features of level 3; the same zoomed; that crop of the photo",
        )  # fmt: skip
    st.caption(
        f"{zoom_size(detail)} Features: mean over {level3.channels} channels of the absolute value, without unit, "
        f"both maps on one scale, 0 – {high:.3g}. {FOR_THE_EYE}"
    )


def drop(shown: Explanation, effects: DropEffects, class_index: int, *, case: str) -> None:
    """Choose an ROI to drop, and what every head then says.

    Args:
        shown: of the model with all ROIs.
        effects: of the same image and model.
        class_index: whose probability.
        case: short name of model and image, for widget keys.
    """
    if not effects.dropped:
        st.info("No ROI was found on this image, so there is none to drop.", icon=":material/crop_free:")
        return
    key, names = session.DROP.format(case=case), [_name(which) for which in effects.dropped]
    chosen = st.pills(
        "Drop", list(range(len(names))), format_func=lambda number: names[number], key=key, persist_state="session",
        help="The same as a click on a box or on a row.",
    )  # fmt: skip
    left, right = st.columns([1, 1.35], gap="large")
    with left:
        _image(shown, effects, chosen, names, key)
    with right:
        _table(shown, effects, class_index, chosen, names, key)
    if chosen is not None:
        _story(shown, effects, class_index, chosen, names[chosen])


def _name(which: Dropped) -> str:
    return f"level {which.level}, ROI {which.index + 1}"


def _image(shown: Explanation, effects: DropEffects, chosen: int | None, names: list[str], key: str) -> None:
    detail, pixels = shown.detail, shown.view.pixels
    outlines = [Outline(cut_out(detail), style.ZOOM_COLOUR, dotted=True)]
    outlines += [Outline(which.box, style.LEVEL_COLOURS[which.level]) for which in effects.dropped]
    layer = None
    if chosen is not None:
        gone = np.where(effects.masks[chosen] == 0, 1.0, np.nan)
        layer = Layer(gone, "dropped", 0, 2, style.DROPPED, smooth=False, digits=0, fading=False)
    figure = panels([Panel("Click on a dot to drop its box", pixels, layer, outlines)], columns=1, side=330)
    figure.add_trace(drops.boxes_to_click([which.box for which in effects.dropped], names))
    figure.update_layout(clickmode="event+select", dragmode=False)
    st.plotly_chart(
        figure, config=style.CONFIG, key=f"{key}-image", selection_mode="points",
        on_select=partial(_choose, f"{key}-image", key), alt="The ROIs on the image; the dropped one is grey",
    )  # fmt: skip
    st.caption("Grey: cells of level 3 that are set to zero. Dotted: the zoom box. Each level has its colour.")


def _table(
    shown: Explanation, effects: DropEffects, index: int, chosen: int | None, names: list[str], key: str
) -> None:
    figure = drops.changes(
        points(shown, effects, index), [name.replace("level ", "L") for name in names],
        [*_SHORT_HEADS, "mean<br>of 8"], chosen=chosen,
    )  # fmt: skip
    st.markdown(f"**Without this box**, how much more or less probable is *{plain(shown.class_names[index])}*?")
    st.plotly_chart(
        figure, config=style.CONFIG, key=f"{key}-table", selection_mode="points",
        on_select=partial(_choose, f"{key}-table", key),
        alt="Change of the class's probability in each of the eight heads without each ROI, in percentage points",
    )  # fmt: skip
    st.caption(
        "Percentage points; orange: less probable, purple: more. Columns: heads of levels 3, 4, 5 and of all levels, "
        "in stage I and stage II, then the mean of all eight. Stage I comes before the drop, so it cannot change. "
        "As in training, what is left of the crop is scaled up by the share that is gone."
    )


def _choose(chart: str, target: str) -> None:
    """A click on a chart's box or row chooses it; the chart forgets its selection as soon as it changes."""
    picked = st.session_state[chart]["selection"]["points"]
    if picked:
        st.session_state[target] = int(np.ravel(picked[0]["customdata"])[0])


def points(shown: Explanation, effects: DropEffects, class_index: int) -> np.ndarray:
    """Change of a class's probability without each ROI, (ROIs, 8 heads and their mean), percentage points."""
    before = np.array([head.probabilities[class_index] for head in shown.detail.heads])
    heads = effects.heads[:, :, class_index] - before
    mean = effects.means[:, class_index] - shown.prediction.probabilities[class_index]
    return 100 * np.concatenate([heads, mean[:, None]], axis=1)


def _story(shown: Explanation, effects: DropEffects, index: int, chosen: int, name: str) -> None:
    """Every head before and after, as a table."""
    rows = [
        head_row(head.name, float(head.probabilities[index]), float(after[index]))
        for head, after in zip(shown.detail.heads, effects.heads[chosen], strict=True)
    ]
    before, after = float(shown.prediction.probabilities[index]), float(effects.means[chosen, index])
    rows.append(head_row("mean", before, after))
    first = plain(shown.class_names[int(effects.means[chosen].argmax())])
    st.markdown(f"**Without {name}** the first choice is *{first}*, {percent(float(effects.means[chosen].max()))}.")
    with st.expander("Every head, before and after"):
        st.html(table(["Head", "With it", "Without it", "Change in points"], rows))


def head_row(head: str, before: float, after: float) -> list[str]:
    """A table's row: a head's probability before and after."""
    stage, _, level = head.partition("/")
    named = {"stage1": "Stage I", "stage2": "Stage II"}.get(stage, "Mean of all eight")
    name = f"{named}, {HEAD_NAMES[level]}" if level else named
    return [name, percent(before), percent(after), drops.signed(100 * (after - before))]
