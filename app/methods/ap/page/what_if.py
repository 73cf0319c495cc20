"""What if AP-CNN chose its boxes otherwise, or zoomed where the visitor says: stage II at once, beside the original."""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from app import resources
from app.charts import style
from app.charts.evidence import drag_panel
from app.charts.panels import Corners, Outline, Panel, outside, panels
from app.components.text import bars, plain, table
from app.methods.ap import session
from app.methods.ap.drawing import cut_out, gate_layer, roi_outlines
from app.methods.ap.page.zoom import head_row
from app.methods.ap.session import Tried
from fgcore.methods.ap.settings import ROIConfig
from fgcore.outputs import LEVELS
from fgcore.records import Explanation

_CORNERS = ("x1", "y1", "x2", "y2")
_ROIS, _OWN = "Box around the ROIs", "My own box"  # what to zoom into
_MOST_BOXES = 20


def settings(own: ROIConfig, model: str) -> dict[str, Any]:
    """Widgets for the ROI settings to try.

    Args:
        own: the model's settings, where the widgets start.
        model: short name of the checkpoint, for widget keys.

    Returns:
        Fields of `ROIConfig`, unchecked.
    """
    start, key = _values(own), partial(session.SETTING.format, model=model)
    for name, value in start.items():
        st.session_state.setdefault(key(name=name), value)
    kept = {"persist_state": "session"}
    iou = st.slider(
        "NMS IoU", 0.0, 0.95, step=0.05, key=key(name="iou"), **kept,
        help="A box that overlaps a better one by more than this is removed. Higher: more boxes side by side.",
    )  # fmt: skip
    threshold = st.slider(
        "Threshold", 0.0, 3.0, step=0.05, key=key(name="threshold"), **kept,
        help="A cell is a candidate where its gate exceeds this multiple of the map's mean.",
    )  # fmt: skip
    border = st.slider(
        "Border", 0.0, 0.45, step=0.05, key=key(name="border"), **kept,
        help="Share of each side in which no box is centred.",
    )  # fmt: skip
    top_k, anchors = [], []
    for place, level in enumerate(LEVELS):
        left, right = st.columns(2, gap="small", wrap=False)
        top_k.append(
            left.number_input(f"Boxes, level {level}", 0, _MOST_BOXES, step=1, key=key(name=f"top{level}"), **kept)
        )
        anchors.append(
            right.number_input(
                f"Side of a box, level {level}", 8, 1024, step=8, key=key(name=f"side{level}"), **kept,
                help=f"Side of the square boxes of level {level}, pixels. The model's own: {own.anchors[place]:g}.",
            )
        )  # fmt: skip
    numbers = {"nms_iou": _number(iou), "border": _number(border), "threshold": _number(threshold)}
    return numbers | {"top_k": tuple(int(k or 0) for k in top_k), "anchors": tuple(map(_number, anchors))}


def _values(roi: ROIConfig) -> dict[str, float | int]:
    """Widget names and where they start."""
    values: dict[str, float | int] = {"iou": roi.nms_iou, "threshold": roi.threshold, "border": roi.border}
    for level, k, side in zip(LEVELS, roi.top_k, roi.anchors, strict=True):
        values |= {f"top{level}": k, f"side{level}": round(side)}
    return values


def _number(value: float | None) -> float:
    """An emptied number field counts as not a number, which is refused with a sentence."""
    return float("nan") if value is None else round(float(value), 4)


def target(original: Explanation, case: str) -> Corners | None:
    """Widgets for what to zoom into; None: the box around the ROIs."""
    key, corner = session.ZOOM.format(case=case), partial(session.CORNER.format, case=case)
    st.session_state.setdefault(key, _ROIS)
    chosen = st.segmented_control("Zoom into", [_ROIS, _OWN], required=True, key=key, persist_state="session")
    for name, side in zip(_CORNERS, cut_out(original.detail), strict=True):
        st.session_state.setdefault(corner(corner=name), round(side))
    if chosen != _OWN:
        return None
    height, width = original.view.pixels.shape[:2]
    sides = []
    columns = [*st.columns(2, gap="small", wrap=False), *st.columns(2, gap="small", wrap=False)]
    for name, column in zip(_CORNERS, columns, strict=True):
        most = width if name.startswith("x") else height
        sides.append(
            column.number_input(
                name,
                0,
                most,
                step=8,
                key=corner(corner=name),
                persist_state="session",
                help="pixels of the network input",
            )
        )
    return tuple(_number(side) for side in sides)


def reset(own: ROIConfig, original: Explanation, *, model: str, case: str) -> None:
    """Callback: everything as the model has it."""
    for name, value in _values(own).items():
        st.session_state[session.SETTING.format(name=name, model=model)] = value
    for name, side in zip(_CORNERS, cut_out(original.detail), strict=True):
        st.session_state[session.CORNER.format(corner=name, case=case)] = round(side)
    st.session_state[session.ZOOM.format(case=case)] = _ROIS


def try_out(
    wanted: Callable[[], Tried], compute: Callable[[Tried], Explanation], original: Explanation, *, case: str
) -> tuple[Tried | None, Explanation]:
    """What other settings lead to; after a refusal what the last ones that made sense led to, with a sentence."""
    try:
        tried = wanted()
        changed = compute(tried)
    except resources.EXPECTED as error:
        last = session.tried(case)
        sentence = plain(str(error)) + " What you see is the last setting that worked."
        st.error(sentence, title="Not tried", icon=":material/block:")
        return last, original if last is None else compute(last)
    session.keep_tried(tried)
    return tried, changed


def board(original: Explanation, changed: Explanation, *, case: str) -> None:
    """The image to drag a box on, and what stage II then sees."""
    before, after = cut_out(original.detail), cut_out(changed.detail)
    pixels, detail = changed.view.pixels, changed.detail
    size = (pixels.shape[0], pixels.shape[1])
    lines = [line for n, boxes in zip(LEVELS, detail.rois, strict=True) for line in roi_outlines(boxes, n, faint=True)]
    frame = Outline(after, style.ZOOM_COLOUR, tag=f"zoom {detail.zoom_factor:.2f}×", width=2.5)
    mark = [] if after == before else [Outline(before, "#ffffff", dotted=True, hover="the model's own zoom box")]
    drag = Panel("Drag a box here", pixels, outlines=[*outside(after, size, "rgba(0,0,0,0.4)"), *lines, *mark, frame])
    chart = f"ap-board-{case}"
    st.plotly_chart(
        drag_panel(drag), config=style.CONFIG, key=chart, selection_mode="box",
        on_select=partial(_dragged, chart, case, size),
        alt="The image with ROIs and zoom box; drag a box on it, or type its corners, to zoom there",
    )  # fmt: skip
    x1, y1, x2, y2 = detail.zoom_cells
    found = ", ".join(f"{len(boxes)} on level {n}" for n, boxes in zip(LEVELS, detail.rois, strict=True))
    none = "" if any(detail.rois) else " Without any, stage II sees the whole image again."
    st.caption(
        f"Yellow: the zoom box, cells {x1} – {x2} across and {y1} – {y2} down of level 3, 8 px each; a dragged box is "
        f"cut to whole cells. White, dotted: the model's own zoom box where it differs. ROIs, dotted: {found}.{none}"
    )


def second_gates(original: Explanation, changed: Explanation, *, case: str, cells: bool) -> None:
    """What stage II sees now, and its gates there, on one scale with the model's own."""
    detail, place = changed.detail, cut_out(changed.detail)
    gates = [gate for shown in (original, changed) for gate in shown.detail.stage2.spatial_gates]
    low, high = min(float(gate.min()) for gate in gates), max(float(gate.max()) for gate in gates)
    items = [Panel("What stage II sees", detail.zoomed_pixels, place=place)]
    for level, gate in zip(LEVELS, detail.stage2.spatial_gates, strict=True):
        layer = gate_layer(gate, low, high, cells)
        items.append(Panel(f"Stage II gate, level {level}", detail.zoomed_pixels, layer, place=place))
    with st.container(key=f"strip-ap-second-{case}"):
        st.plotly_chart(
            panels(items, columns=4, side=205, bar="gate"), config=style.CONFIG, key=f"ap-second-{case}",
            alt="The zoomed crop, and the spatial gates of stage II on levels 3, 4 and 5",
        )  # fmt: skip
    shapes = ", ".join(f"{gate.shape[0]} × {gate.shape[1]}" for gate in detail.stage2.spatial_gates)
    st.caption(
        f"Gates of {shapes} cells, in (0, 1) without unit, on one scale with the model's own, {low:.2f} – {high:.2f}."
    )


def _dragged(chart: str, case: str, size: tuple[int, int]) -> None:
    """A box dragged on the image becomes the zoom box."""
    boxes = st.session_state[chart]["selection"]["box"]
    if not boxes:
        return
    height, width = size
    (x1, x2), (y1, y2) = (
        sorted(round(min(max(side + 0.5, 0), most)) for side in boxes[-1][axis])
        for axis, most in (("x", width), ("y", height))
    )
    if x1 == x2 or y1 == y2:
        return
    for name, side in zip(_CORNERS, (x1, y1, x2, y2), strict=True):
        st.session_state[session.CORNER.format(corner=name, case=case)] = side
    st.session_state[session.ZOOM.format(case=case)] = _OWN


def answers(original: Explanation, changed: Explanation, class_index: int, truth: str | None) -> None:
    """Stage II and the prediction, before and after."""
    names = original.class_names
    said = (
        ("Stage II", "as is", original.detail.stage2_mean),
        ("Stage II", "what if", changed.detail.stage2_mean),
        ("Prediction", "as is", original.prediction),
        ("Prediction", "what if", changed.prediction),
    )
    grid = st.grid(2, min_column_width=150, gap="medium")
    for name, which, prediction in said:
        with grid.cell():
            st.markdown(f"**{name}** · {which}")
            st.html(bars(prediction, names, truth=truth, count=3))
    rows = [
        head_row(before.name, float(before.probabilities[class_index]), float(after.probabilities[class_index]))
        for before, after in zip(original.detail.heads, changed.detail.heads, strict=True)
    ]
    both = (float(shown.prediction.probabilities[class_index]) for shown in (original, changed))
    rows.append(head_row("mean", *both))
    with st.expander(f"Every head: probability of {plain(names[class_index])}"):
        st.html(table(["Head", "As is", "What if", "Change in points"], rows))
