"""What AP-CNN's figures share: gates as layers, ROIs and zoom box as frames, and what every head says."""

from collections.abc import Sequence

import numpy as np
import streamlit as st

from app.charts import style
from app.charts.panels import Layer, Outline, Panel, outside
from app.components.text import bars, percent, table
from fgcore.methods.ap.detail import APDetail
from fgcore.outputs import LEVELS
from fgcore.records import Box, Corners, Explanation, Prediction

STRIDE = 8  # pixels per cell of level 3, where zoom and dropblock happen
_TIE = 0.001  # gates that differ by less are as good as equal
FOR_THE_EYE = "Stage II starts from the features in the box; the crop of the image is for the eye."
HEAD_NAMES = {"level3": "level 3", "level4": "level 4", "level5": "level 5", "concat": "all levels"}


def ties(detail: APDetail, levels: Sequence[int] = LEVELS) -> str:
    """What to know where gates are so saturated that the order of the candidates says little; "": nowhere."""
    tied = []
    for level in levels:
        boxes, scores = detail.rois[level - LEVELS[0]], detail.candidates[level - LEVELS[0]].scores
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


def cut_out(detail: APDetail) -> Corners:
    """What is really cut out, in pixels of the network input."""
    x1, y1, x2, y2 = (float(STRIDE * cell) for cell in detail.zoom_cells)
    return x1, y1, x2, y2


def zoom_panels(shown: Explanation) -> tuple[Panel, Panel]:
    """The image with all ROIs and the zoom box around them, and what that box holds of the image."""
    detail, pixels = shown.detail, shown.view.pixels
    box = cut_out(detail)
    faint = [
        outline for n, boxes in zip(LEVELS, detail.rois, strict=True) for outline in roi_outlines(boxes, n, faint=True)
    ]
    around = [*outside(box, (pixels.shape[0], pixels.shape[1])), *faint, zoom_frame(detail)]
    return (
        Panel("All ROIs and the zoom box", pixels, outlines=around),
        Panel("That place in the image", detail.zoomed_pixels, place=box, linked=False),
    )


def zoom_frame(detail: APDetail) -> Outline:
    """The zoom box with its factor."""
    return Outline(cut_out(detail), style.ZOOM_COLOUR, tag=f"zoom {detail.zoom_factor:.2f}×", width=2.5)


def zoom_size(detail: APDetail) -> str:
    """How large the zoom box is, in one sentence."""
    x1, y1, x2, y2 = detail.zoom_cells
    rows, columns = detail.stage1.backbone.level3.strength.shape
    return (
        f"The zoom box is the smallest around all ROIs, in whole cells of {STRIDE} px: {y2 - y1} × {x2 - x1} of "
        f"{rows} × {columns} cells (rows × columns), resized bilinearly to {rows} × {columns}; "
        f"{detail.zoom_factor:.2f} times larger on average."
    )


def opinions(shown: Explanation, truth: str | None, *, index: int | None = None, closed: bool = True) -> None:
    """What stage I, stage II and their mean say, and every head.

    Args:
        shown: of an AP-CNN.
        truth: the class that was drawn; None: unknown.
        index: whose probability in each head; None: the first choice's.
        closed: show the heads in an expander.
    """
    detail = shown.detail
    said = (
        ("Stage I", "the whole image", detail.stage1_mean),
        ("Stage II", "the zoomed crop", detail.stage2_mean),
        ("Mean", "the prediction", shown.prediction),
    )
    for place, (name, what, prediction) in zip(st.columns(3, gap="medium"), said, strict=True):
        with place:
            st.markdown(f"**{name}** · {what}")
            st.html(bars(prediction, shown.class_names, truth=truth, count=3))
    index = shown.prediction.best if index is None else index
    with st.expander("Every head") if closed else st.container():
        rows = [_head_row(head, shown.class_names, index) for head in detail.heads]
        st.html(table(["Head", "First choice", "", f"Probability of {shown.class_names[index]}"], rows))


def _head_row(head: Prediction, names: Sequence[str], best: int) -> list[str]:
    stage, _, level = head.name.partition("/")
    name = f"{'Stage I' if stage == 'stage1' else 'Stage II'}, {HEAD_NAMES.get(level, level)}"
    share, wanted = float(head.probabilities[head.best]), float(head.probabilities[best])
    return [name, names[head.best], percent(share), percent(wanted)]
