"""One pyramid level of AP-CNN in detail: gates of both stages, candidates, suppression step by step, channel gates."""

import numpy as np
import streamlit as st

from app.charts import strips, style
from app.charts.panels import Layer, Outline, Panel, panels
from app.components.cards import frames_told
from app.components.text import table
from app.methods.ap.drawing import cut_out, gate_layer, roi_outlines, ties
from app.methods.ap.page.nms import nms_steps
from fgcore.methods.ap.records import Suppression
from fgcore.methods.ap.settings import ROIConfig
from fgcore.methods.ap.suppression import suppression
from fgcore.outputs import LEVELS
from fgcore.records import Explanation


def gates(shown: Explanation, level: int, roi: ROIConfig, marks: list[Outline], *, key: str, cells: bool) -> None:
    """The spatial gate of a level: all of it, what may centre a box, what is kept, and the gate of the second pass."""
    detail, pixels, place = shown.detail, shown.view.pixels, level - LEVELS[0]
    first, second = detail.stage1.spatial_gates[place], detail.stage2.spatial_gates[place]
    low, high = min(float(first.min()), float(second.min())), max(float(first.max()), float(second.max()))
    offered, rois = detail.candidates[place], detail.rois[place]
    centres = Layer(np.where(offered.cells, first, np.nan), "gate", low, high, style.GATES, smooth=False, fading=False)
    frame = Outline(cut_out(detail), style.ZOOM_COLOUR, hover="zoom box")
    items = [
        Panel("Stage I, and the zoom box", pixels, gate_layer(first, low, high, cells), [*marks, frame]),
        Panel(f"Candidates: {offered.cells.sum()} of {first.size} cells", pixels, centres),
        Panel(f"ROIs: {len(rois)} kept", pixels, outlines=roi_outlines(rois, level)),
        Panel(
            "Stage II, on the zoomed crop", detail.zoomed_pixels, gate_layer(second, low, high, cells),
            place=cut_out(detail), linked=False,
        ),
    ]  # fmt: skip
    with st.container(key=f"strip-ap-gates-{key}"):
        st.plotly_chart(
            panels(items, columns=4, side=205, bar="gate"), config=style.CONFIG, key=f"ap-gates-{key}",
            alt=f"Level {level}: spatial gate of stage I, candidate cells, ROIs with scores, spatial gate of stage II",
        )  # fmt: skip
    share = f"{roi.threshold:g} times the mean" if roi.threshold != 1 else "the mean"
    kept = f"{1 - 2 * roi.border:.0%}".replace("%", " %")
    st.caption(
        f"Gates of {first.shape[0]} × {first.shape[1]} cells of {2**level} × {2**level} px, in (0, 1) without unit; "
        f"both stages on one scale, {low:.2f} – {high:.2f}. A candidate lies in the middle {kept} of each side, and "
        f"its gate exceeds {share} of the map with its border set to zero, here {offered.threshold:.3f}. Each "
        f"candidate centres a square of {roi.anchors[place]:g} px." + ties(detail, [level]) + frames_told(marks)
    )


def steps(shown: Explanation, level: int, roi: ROIConfig, *, key: str) -> None:
    """Non-maximum suppression of a level, from all candidates to the boxes kept."""
    place = level - LEVELS[0]
    found = suppression(shown.detail.stage1.spatial_gates[place], level, roi)
    st.markdown(
        "**Non-maximum suppression, step by step.** Keep the best box left, remove what overlaps it too much, repeat."
    )
    left, right = st.columns([1, 1.1], gap="large")
    with left:
        st.plotly_chart(
            nms_steps(shown.view.pixels, found, side=380), config=style.CONFIG, key=f"ap-nms-{key}",
            alt=f"Level {level}: candidates and the boxes kept one after another; the table tells the same in numbers",
        )  # fmt: skip
    with right:
        st.html(table(["Step", "Score", "Box", "Suppressed", "Left"], _rows(found)))
        st.caption(
            f"Move the slider to walk through the steps. Score: the gate at the box's centre. Boxes: x1, y1 – x2, y2 "
            f"in pixels of the network input, clipped to it. Suppressed: IoU with the kept box above {roi.nms_iou:g}; "
            f"at most {roi.top_k[place]} boxes are kept here. The steps run the very functions that the model ran."
        )


def _rows(shown: Suppression) -> list[list[str]]:
    rows = [["start", "", "", "", str(len(shown.candidates.scores))]]
    for number, step in enumerate(shown.steps, start=1):
        box = step.roi
        corners = f"{box.x1:.0f}, {box.y1:.0f} – {box.x2:.0f}, {box.y2:.0f}"
        rows.append([f"box {number}", f"{box.score:.3f}", corners, str(len(step.suppressed)), str(step.left)])
    return rows


def channels(shown: Explanation, level: int, *, key: str) -> None:
    """The channel gate of a level: on its own, and with what the levels below hand up."""
    stage = shown.detail.stage1
    own = {f"level {n} alone": gate for n, gate in zip(LEVELS, stage.raw_channel_gates, strict=True) if n <= level}
    total = {f"level {level} in use": stage.channel_gates[level - LEVELS[0]]}
    told = {
        3: "Level 3 uses its own gate: there is no level below.",
        4: "Level 4 uses the mean of its own gate and that of level 3.",
        5: "Level 5 uses ½ of its own gate, ¼ of that of level 4 and ¼ of that of level 3.",
    }
    st.markdown(f"**Channel gate.** Which channels matter, accumulated from the finest level up. {told[level]}")
    strip = own | total if level > LEVELS[0] else total
    st.plotly_chart(
        strips.gate_strips(strip, height=92 + 30 * len(strip)), config=style.CONFIG, key=f"ap-channels-{key}",
        alt=f"Channel gates that add up to that of level {level}, as strips",
    )  # fmt: skip
    values = np.concatenate(list(strip.values()))
    st.caption(
        f"Stage I, {len(stage.channel_gates[0])} channels, each in (0, 1) without unit; here {values.min():.2f} – "
        f"{values.max():.2f}. The features are multiplied by the sum of both gates, spatial and channel."
    )
