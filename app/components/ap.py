"""AP-CNN: gates and ROIs of each pyramid level, the zoom, a dropblock, and what each look says."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from app import state
from app.charts import strips, style
from app.charts.panels import Corners, Layer, Outline, Panel, outside, panels
from app.components.text import bars, percent, plain, table
from fgcore.outputs import LEVELS
from fgcore.records import Box, Explanation, Prediction, PyramidAttention

STRIDE = 8  # pixels per cell of level 3, where zoom and dropblock happen
_TIE = 0.001  # gates that differ by less are as good as equal
FOR_THE_EYE = "Stage II starts from the features in the box; the crop of the picture is for the eye."
HEAD_NAMES = {"level3": "level 3", "level4": "level 4", "level5": "level 5", "concat": "all levels"}


def pyramid(explanation: Explanation, *, key: str, cells: bool) -> None:
    """A row per level: the gate of the first look, the ROIs it leads to, and the gate of the second look."""
    attention, pixels = explanation.attention, explanation.view.pixels
    gates = [*attention.stage1.spatial_gates, *attention.stage2.spatial_gates]
    low, high = min(float(gate.min()) for gate in gates), max(float(gate.max()) for gate in gates)
    items, rows = [], []
    for place, level in enumerate(LEVELS):
        first, second = attention.stage1.spatial_gates[place], attention.stage2.spatial_gates[place]
        boxes, candidates = attention.rois[place], attention.candidates[place]
        rows.append(f"level {level}, stride {2**level}")
        shape = f"{first.shape[0]} × {first.shape[1]}"
        items += [
            Panel(f"Stage I gate, {shape}", pixels, gate_layer(first, low, high, cells)),
            Panel(
                f"ROIs: {len(boxes)} of {len(candidates.scores)} candidates", pixels,
                outlines=roi_outlines(boxes, level),
            ),
            Panel(
                "Stage II gate, on the zoomed crop", attention.zoomed_pixels, gate_layer(second, low, high, cells),
                place=cut_out(attention), linked=False,
            ),
        ]  # fmt: skip
    with st.container(key=f"strip-pyramid-{key}"):
        figure = panels(items, columns=3, side=262, bar="spatial gate", row_titles=rows)
        st.plotly_chart(
            figure, config=style.CONFIG, key=f"pyramid-{key}",
            alt="For pyramid levels 3, 4 and 5: spatial gate of stage I, ROIs with scores, spatial gate of stage II",
        )  # fmt: skip
    st.caption(
        f"Gates lie in (0, 1), without unit; all six share one scale, {low:.2f} – {high:.2f}. "
        "An ROI is a square around a cell whose gate exceeds a threshold taken from the map's mean; non-maximum "
        "suppression keeps the best that hardly overlap. The tag is the gate at its cell." + ties(attention)
    )


def ties(attention: PyramidAttention, levels: Sequence[int] = LEVELS) -> str:
    """What to know where gates are so saturated that the order of the candidates says little; "": nowhere."""
    tied = []
    for level in levels:
        boxes, scores = attention.rois[level - LEVELS[0]], attention.candidates[level - LEVELS[0]].scores
        if len(boxes) and int((scores > scores[0] - _TIE).sum()) > 2 * len(boxes):
            tied.append(str(level))
    if not tied:
        return ""
    named = f"level {tied[0]}" if len(tied) == 1 else f"levels {', '.join(tied[:-1])} and {tied[-1]}"
    return f" **On {named} many gates are equally high** (within {_TIE}): there, ROIs are chosen among near ties."


def gate_layer(values: np.ndarray, low: float, high: float, cells: bool) -> Layer:
    """A spatial gate as a layer; `cells` shows it as it is, not interpolated."""
    return Layer(values, "gate", low, high, style.GATES, smooth=not cells)


def roi_outlines(boxes: Sequence[Box], level: int, *, faint: bool = False) -> list[Outline]:
    """Frames of a level's ROIs with their scores; faint ones are dotted and bare."""
    colour = style.LEVEL_COLOURS[level]
    return [
        Outline(
            (box.x1, box.y1, box.x2, box.y2), colour, dotted=faint, width=1.5 if faint else 2,
            tag="" if faint else f"{box.score:.2f}",
            hover=f"level {level}, ROI {number}<br>{_size(box)}, score {box.score:.3f}",
        )
        for number, box in enumerate(boxes, start=1)
    ]  # fmt: skip


def _size(box: Box) -> str:
    return f"{box.x2 - box.x1:.0f} × {box.y2 - box.y1:.0f} px"


def cut_out(attention: PyramidAttention) -> Corners:
    """What is really cut out, in pixels of the network input."""
    x1, y1, x2, y2 = (float(STRIDE * cell) for cell in attention.zoom_cells)
    return x1, y1, x2, y2


def channel_gates(explanation: Explanation, *, key: str) -> None:
    """The channel gates of stage I as strips."""
    gates = explanation.attention.stage1.channel_gates
    st.markdown("**Channel gates** weigh each channel; every level hands half of its weights up to the next.")
    figure = strips.gate_strips({f"level {n}": gate for n, gate in zip(LEVELS, gates, strict=True)}, height=168)
    st.plotly_chart(
        figure, config=style.CONFIG, key=f"channel-gates-{key}", alt="Channel gates of levels 3, 4 and 5 as strips"
    )
    flat = np.concatenate(gates)
    st.caption(
        f"Stage I, {len(gates[0])} channels per level, each in (0, 1) without unit; "
        f"here {flat.min():.2f} – {flat.max():.2f}."
    )


def zoom_panels(explanation: Explanation) -> tuple[Panel, Panel]:
    """The picture with all ROIs and the zoom box around them, and what that box holds of the picture."""
    attention, pixels = explanation.attention, explanation.view.pixels
    box = cut_out(attention)
    faint = [
        outline
        for n, boxes in zip(LEVELS, attention.rois, strict=True)
        for outline in roi_outlines(boxes, n, faint=True)
    ]
    around = [*outside(box, (pixels.shape[0], pixels.shape[1])), *faint, zoom_frame(attention)]
    return (
        Panel("All ROIs and the zoom box", pixels, outlines=around),
        Panel("That place in the picture", attention.zoomed_pixels, place=box, linked=False),
    )


def zoom_frame(attention: PyramidAttention) -> Outline:
    """The zoom box with its factor."""
    return Outline(cut_out(attention), style.ZOOM_COLOUR, tag=f"zoom {attention.zoom_factor:.2f}×", width=2.5)


def zoom_size(attention: PyramidAttention) -> str:
    """How large the zoom box is, in one sentence."""
    x1, y1, x2, y2 = attention.zoom_cells
    rows, columns = attention.stage1.backbone.level3.strength.shape
    return (
        f"The zoom box is the smallest around all ROIs, in whole cells of {STRIDE} px: {y2 - y1} × {x2 - x1} of "
        f"{rows} × {columns} cells (rows × columns), resized bilinearly to {rows} × {columns}; "
        f"{attention.zoom_factor:.2f} times larger on average."
    )


def zoom(explanation: Explanation, drop_probabilities: tuple[float, float], *, key: str) -> None:
    """The box around all ROIs, a dropblock as in training, and the crop of the second look."""
    around, cut = zoom_panels(explanation)
    items = [around, _dropblock(explanation.attention, explanation.view.pixels), cut]
    with st.container(key=f"strip-zoom-{key}"):
        st.plotly_chart(
            panels(items, columns=3, side=262), config=style.CONFIG, key=f"zoom-{key}",
            alt="The zoom box around all ROIs, the dropped ROI, and the zoomed crop",
        )  # fmt: skip
    st.caption(f"{zoom_size(explanation.attention)} {FOR_THE_EYE}")
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.markdown(_drop_story(explanation, drop_probabilities))
    right.button(
        "Drop another block", icon=":material/casino:", key=f"redraw-drop-{key}", on_click=state.advance,
        args=(state.question.DROP_SEED,), width="stretch",
    )  # fmt: skip


def _dropblock(attention: PyramidAttention, pixels: np.ndarray) -> Panel:
    drop = attention.drop
    if drop.box is None:
        return Panel("Dropblock: nothing dropped", pixels)
    gone = np.where(attention.drop_mask == 0, 1.0, np.nan)
    layer = Layer(gone, "dropped", 0, 2, style.DROPPED, smooth=False, digits=0, fading=False)
    frame = Outline(drop.box, style.LEVEL_COLOURS[drop.level], tag="dropped")
    return Panel(f"Dropblock: ROI {drop.index + 1} of level {drop.level}", pixels, layer, [frame])


def _drop_story(explanation: Explanation, probabilities: tuple[float, float]) -> str:
    attention = explanation.attention
    if attention.drop.box is None or attention.dropped_mean is None:
        never = f"{1 - sum(probabilities):.0%}".replace("%", " %")
        return f"**Nothing was dropped this time**, as in {never} of all training steps. Draw again to drop a block."
    best = explanation.prediction.best
    name = plain(explanation.class_names[best])
    before, after = (
        percent(float(said.probabilities[best])) for said in (explanation.prediction, attention.dropped_mean)
    )
    change = f"stays at {after}" if before == after else f"goes from {before} to {after}"
    return (
        "In training one ROI is often **dropped**, so that the network learns to look elsewhere too. "
        f"Without this one, *{name}* {change}."
    )


def opinions(explanation: Explanation, truth: str | None, *, index: int | None = None, closed: bool = True) -> None:
    """What stage I, stage II and their mean say, and every head.

    Args:
        explanation: of an AP-CNN.
        truth: the class that was drawn; None: unknown.
        index: whose probability in each head; None: the first choice's.
        closed: show the heads in an expander.
    """
    attention = explanation.attention
    said = (
        ("Stage I", "the whole picture", attention.stage1_mean),
        ("Stage II", "the zoomed crop", attention.stage2_mean),
        ("Mean", "the prediction", explanation.prediction),
    )
    for place, (name, what, prediction) in zip(st.columns(3, gap="medium"), said, strict=True):
        with place:
            st.markdown(f"**{name}** · {what}")
            st.html(bars(prediction, explanation.class_names, truth=truth, count=3))
    index = explanation.prediction.best if index is None else index
    with st.expander("Every head") if closed else st.container():
        rows = [_head_row(head, explanation.class_names, index) for head in attention.heads]
        st.html(table(["Head", "First choice", "", f"Probability of {explanation.class_names[index]}"], rows))


def _head_row(head: Prediction, names: Sequence[str], best: int) -> list[str]:
    stage, _, level = head.name.partition("/")
    name = f"{'Stage I' if stage == 'stage1' else 'Stage II'}, {HEAD_NAMES.get(level, level)}"
    share, wanted = float(head.probabilities[head.best]), float(head.probabilities[best])
    return [name, names[head.best], percent(share), percent(wanted)]
