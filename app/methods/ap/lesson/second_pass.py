"""AP-CNN's second pass: a region hidden in training, the zoom, and the answer of both passes."""

import dataclasses

import numpy as np
import streamlit as st

from app.charts import style
from app.charts.panels import Layer, Outline, Panel
from app.checkpoints import Entry
from app.components.lesson.step import CONTROL, Scene, Step, chart, says
from app.components.text import bars, percent, plain
from app.methods.ap import ask
from app.methods.ap.drawing import roi_outlines, zoom_panels
from app.methods.ap.lesson import keys
from fgcore.methods.ap import AP as METHOD
from fgcore.methods.ap import roi as regions
from fgcore.methods.ap.network import APCNN
from fgcore.methods.ap.output import APCNNOutput
from fgcore.outputs import LEVELS
from fgcore.records import Explanation, Prediction

_TRAINING_STEPS = 20
_FIRST, _SECOND, _BOTH = "The first pass", "The second pass", "Both, the answer"


def _dropblock(scene: Scene) -> None:
    now = st.slider("Training step", 1, _TRAINING_STEPS, 3, key=keys.DROP, width=CONTROL)
    shown = scene.shown(METHOD, draw_seed=now)
    if shown is None:
        return
    detail, best = shown.detail, shown.prediction.best
    left, right = st.columns([1.15, 1], gap="large", vertical_alignment="center")
    with left:
        chart([_hidden(shown)], key="drop", alt="The bird with the dropped region in grey")
    with right:
        if detail.drop.box is None:
            says(f"Step {now}: **nothing is hidden** this time.")
        else:
            before, after = shown.prediction.probabilities[best], detail.dropped_mean.probabilities[best]
            says(
                f"Step {now}: a region of level {detail.drop.level} is hidden; *{plain(shown.class_names[best])}* "
                f"goes from {percent(float(before))} to **{percent(float(after))}**."
            )
        chances = ask.own_settings(scene.entries[METHOD.name]).drop_probabilities
        st.caption(
            f"In {percent(chances[0])} of the steps a region of level 3 is drawn, in {percent(chances[1])} one of "
            "level 4, else none. In training only."
        )
        st.caption(scene.origin_line(METHOD))


def _hidden(shown: Explanation) -> Panel:
    detail, pixels = shown.detail, shown.view.pixels
    frames = [
        outline for n, boxes in zip(LEVELS, detail.rois, strict=True) for outline in roi_outlines(boxes, n, faint=True)
    ]
    if detail.drop.box is None:
        return Panel("All regions", pixels, outlines=frames)
    gone = np.where(detail.drop_mask == 0, 1.0, np.nan)
    layer = Layer(gone, "hidden", 0, 2, style.DROPPED, smooth=False, digits=0, fading=False)
    frame = Outline(detail.drop.box, style.LEVEL_COLOURS[detail.drop.level], tag="hidden")
    return Panel("One region hidden", pixels, layer, [*frames, frame])


def _zoom(scene: Scene) -> None:
    levels = st.pills(
        "Regions that count", LEVELS, selection_mode="multi", default=LEVELS,
        format_func=lambda level: f"Level {level}", key=keys.ZOOM,
    )  # fmt: skip

    def again(entry: Entry) -> Explanation:
        roi = ask.own_settings(entry)
        counts = tuple(count if level in levels else 0 for level, count in zip(LEVELS, roi.top_k, strict=True))
        return ask.explanation(entry, scene.image, dataclasses.replace(roi, top_k=counts))

    shown = scene.ask(METHOD, again)
    if shown is None:
        return
    detail, (around, _) = shown.detail, zoom_panels(shown)
    left, right = st.columns(2, gap="medium")
    with left:
        around = dataclasses.replace(around, title="The box around the regions")
        chart([around], key="box", alt="The box around all regions")
    with right:
        chart(
            [Panel("What the second pass sees", detail.zoomed_pixels, linked=False)],
            key="zoomed", alt="The box stretched to full size",
        )  # fmt: skip
    says(_zoomed(detail.zoom_factor, bool(levels)))
    st.caption(
        "The network cuts and stretches its own features of level 3; the cut of the image is for the eye. "
        + scene.origin_line(METHOD)
    )


def _zoomed(factor: float, any_level: bool) -> str:
    if not any_level:
        return "Without any region the second pass sees the whole image again."
    return f"The box is stretched **{factor:.2f}** times, and so is every part in it."


def _two_passes(scene: Scene) -> None:
    shown = scene.shown(METHOD)
    if shown is None:
        return
    whose = st.segmented_control(
        "Whose answer?", (_FIRST, _SECOND, _BOTH), default=_FIRST, required=True, key=keys.PASS
    )
    detail = shown.detail
    views = {_FIRST: [_seen("First pass", shown, False)], _SECOND: [_seen("Second pass", shown, True)]}
    views[_BOTH] = [*views[_FIRST], *views[_SECOND]]
    said: dict[str, Prediction] = {
        _FIRST: detail.stage1_mean, _SECOND: detail.stage2_mean, _BOTH: shown.prediction,
    }  # fmt: skip
    left, right = st.columns([1.15, 1], gap="large", vertical_alignment="center")
    with left:
        chart(views[whose], key="pass", alt=f"What is seen: {whose}", side=380 if len(views[whose]) == 1 else 240)
    with right:
        st.html(bars(said[whose], shown.class_names, truth=scene.sample.class_name, count=4))
        verdict = "right" if shown.class_names[said[whose].best] == scene.sample.class_name else "wrong"
        says(f"The drawn bird is a {plain(scene.sample.class_name)}: this answer is **{verdict}**.")
        st.caption(
            "Each pass is the mean of four heads, small classifiers: one per level and one for all levels together; "
            "the answer is the mean of all eight. Underlined: what was drawn."
        )
        st.caption(scene.origin_line(METHOD))


def _seen(title: str, shown: Explanation, zoomed: bool) -> Panel:
    detail = shown.detail
    if zoomed:
        return Panel(title, detail.zoomed_pixels, linked=False)
    return Panel(title, shown.view.pixels)


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
        "Two passes, one answer",
        "The same network then goes over the stretched part, and the mean of both passes is its answer.",
        _two_passes,
        (APCNN.forward, APCNN.second_pass, APCNNOutput.logits.fget),
    ),
)
