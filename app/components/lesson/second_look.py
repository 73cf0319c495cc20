"""AP-CNN's second look: a region hidden in training, the zoom, and the answer of both looks."""

import dataclasses

import numpy as np
import streamlit as st

from app import checkpoints, resources, state
from app.charts import style
from app.charts.panels import Layer, Outline, Panel
from app.components.ap import roi_outlines, zoom_panels
from app.components.lesson.step import CONTROL, Scene, Step, chart, origin_line, says
from app.components.text import bars, percent, plain
from fgcore.methods.ap import roi as regions
from fgcore.methods.ap.network import APCNN
from fgcore.outputs import LEVELS, APCNNOutput
from fgcore.records import Explanation, Prediction

_TRAINING_STEPS = 20
_FIRST, _SECOND, _BOTH = "The first look", "The second look", "Both, the answer"


def _dropblock(scene: Scene) -> None:
    now = st.slider("Training step", 1, _TRAINING_STEPS, 3, key=state.learn.DROP, width=CONTROL)
    look = scene.look("ap", drop_seed=now)
    if look is None:
        return
    attention, best = look.attention, look.prediction.best
    left, right = st.columns([1.15, 1], gap="large", vertical_alignment="center")
    with left:
        chart([_hidden(look)], key="drop", alt="The bird with the dropped region in grey")
    with right:
        if attention.drop.box is None:
            says(f"Step {now}: **nothing is hidden** this time.")
        else:
            before, after = look.prediction.probabilities[best], attention.dropped_mean.probabilities[best]
            says(
                f"Step {now}: a region of level {attention.drop.level} is hidden; *{plain(look.class_names[best])}* "
                f"goes from {percent(float(before))} to **{percent(float(after))}**."
            )
        chances = scene.entries["ap"].checkpoint.experiment.model.roi.drop_probabilities
        st.caption(
            f"In {percent(chances[0])} of the steps a region of level 3 is drawn, in {percent(chances[1])} one of "
            "level 4, else none. In training only."
        )
        st.caption(origin_line(scene.entries["ap"]))


def _hidden(look: Explanation) -> Panel:
    attention, pixels = look.attention, look.view.pixels
    frames = [
        outline
        for n, boxes in zip(LEVELS, attention.rois, strict=True)
        for outline in roi_outlines(boxes, n, faint=True)
    ]
    if attention.drop.box is None:
        return Panel("All regions", pixels, outlines=frames)
    gone = np.where(attention.drop_mask == 0, 1.0, np.nan)
    layer = Layer(gone, "hidden", 0, 2, style.DROPPED, smooth=False, digits=0, fading=False)
    frame = Outline(attention.drop.box, style.LEVEL_COLOURS[attention.drop.level], tag="hidden")
    return Panel("One region hidden", pixels, layer, [*frames, frame])


def _zoom(scene: Scene) -> None:
    levels = st.pills(
        "Regions that count", LEVELS, selection_mode="multi", default=LEVELS,
        format_func=lambda level: f"Level {level}", key=state.learn.ZOOM,
    )  # fmt: skip
    picture = scene.picture

    def look_again(entry: checkpoints.Entry) -> Explanation:
        roi = entry.checkpoint.experiment.model.roi
        counts = tuple(count if level in levels else 0 for level, count in zip(LEVELS, roi.top_k, strict=True))
        roi = dataclasses.replace(roi, top_k=counts)
        return resources.look_again(entry, picture.pixels, picture.sha256, roi=roi)

    look = scene.ask("ap", look_again)
    if look is None:
        return
    attention, (around, _) = look.attention, zoom_panels(look)
    left, right = st.columns(2, gap="medium")
    with left:
        around = dataclasses.replace(around, title="The box around the regions")
        chart([around], key="box", alt="The box around all regions")
    with right:
        chart(
            [Panel("What the second look sees", attention.zoomed_pixels, linked=False)],
            key="zoomed", alt="The box stretched to full size",
        )  # fmt: skip
    says(_zoomed(attention.zoom_factor, bool(levels)))
    st.caption(
        "The network cuts and stretches its own features of level 3; the cut of the picture is for the eye. "
        + origin_line(scene.entries["ap"])
    )


def _zoomed(factor: float, any_level: bool) -> str:
    if not any_level:
        return "Without any region the second look sees the whole picture again."
    return f"The box is stretched **{factor:.2f}** times, and so is every part in it."


def _two_looks(scene: Scene) -> None:
    look = scene.look("ap")
    if look is None:
        return
    whose = st.segmented_control(
        "Whose answer?", (_FIRST, _SECOND, _BOTH), default=_FIRST, required=True, key=state.learn.LOOK
    )
    attention = look.attention
    views = {_FIRST: [_seen("First look", look, False)], _SECOND: [_seen("Second look", look, True)]}
    views[_BOTH] = [*views[_FIRST], *views[_SECOND]]
    said: dict[str, Prediction] = {
        _FIRST: attention.stage1_mean, _SECOND: attention.stage2_mean, _BOTH: look.prediction,
    }  # fmt: skip
    left, right = st.columns([1.15, 1], gap="large", vertical_alignment="center")
    with left:
        chart(views[whose], key="look", alt=f"What is looked at: {whose}", side=380 if len(views[whose]) == 1 else 240)
    with right:
        st.html(bars(said[whose], look.class_names, truth=scene.sample.class_name, count=4))
        verdict = "right" if look.class_names[said[whose].best] == scene.sample.class_name else "wrong"
        says(f"The drawn bird is a {plain(scene.sample.class_name)}: this answer is **{verdict}**.")
        st.caption(
            "Each look is the mean of four heads, small classifiers: one per level and one for all levels together; "
            "the answer is the mean of all eight. Underlined: what was drawn."
        )
        st.caption(origin_line(scene.entries["ap"]))


def _seen(title: str, look: Explanation, zoomed: bool) -> Panel:
    attention = look.attention
    if zoomed:
        return Panel(title, attention.zoomed_pixels, linked=False)
    return Panel(title, look.view.pixels)


STEPS = (
    Step(
        "AP-CNN",
        "One region is hidden",
        "In many training steps chance hides one region (*dropblock*), so that the network cannot rely on a single "
        "part.",
        _dropblock,
        (regions.draw_drop, regions.drop_cells, regions.dropblock_mask),
    ),
    Step(
        "AP-CNN",
        "Zooming in",
        "The smallest box around all regions is cut out and stretched to full size, so that small parts become large.",
        _zoom,
        (regions.union_box, regions.to_cells, regions.zoom_in),
    ),
    Step(
        "AP-CNN",
        "Two looks, one answer",
        "The same network then looks a second time, at the stretched part, and the mean of both looks is its answer.",
        _two_looks,
        (APCNN.forward, APCNN.look_again, APCNNOutput.logits.fget),
    ),
)
