"""AP-CNN's first pass: three levels of detail, their gates, and the regions for a closer one."""

import dataclasses

import streamlit as st

from app.charts import strips, style
from app.charts.panels import Layer, Panel
from app.components.cards import discriminative_frames
from app.components.lesson.step import CONTROL, Scene, Step, chart, says
from app.components.text import percent, plain
from app.methods.ap import ask
from app.methods.ap.drawing import gate_layer, roi_outlines, ties
from app.methods.ap.lesson import keys
from fgcore.methods.ap import AP as METHOD
from fgcore.methods.ap import roi as regions
from fgcore.methods.ap.pyramids import ChannelGate, FeaturePyramid, SpatialGate, accumulate
from fgcore.outputs import LEVELS
from fgcore.records import Explanation


def _level(label: str, key: str) -> int:
    """The control of a pyramid level: its place, 0 .. 2."""
    level = st.segmented_control(
        label, LEVELS, default=LEVELS[0], required=True, format_func=lambda level: f"Level {level}", key=key
    )
    return LEVELS.index(level)


def _pyramid(scene: Scene) -> None:
    shown = scene.shown(METHOD)
    if shown is None:
        return
    place = _level("Level of the pyramid", keys.LEVEL)
    stride = 2 ** LEVELS[place]
    strength = shown.detail.stage1.features[place].strength
    rows, columns = strength.shape
    cells = float(scene.discriminative_mask(shown.view).sum()) / stride**2
    left, right = st.columns([1.15, 1], gap="large", vertical_alignment="center")
    with left:
        layer = Layer(strength, "strength", 0, float(strength.max()), style.CAM, smooth=False)
        marks = discriminative_frames(scene.image, shown.view)
        title = f"Level {LEVELS[place]}: {rows} × {columns} cells"
        chart([Panel(title, shown.view.pixels, layer, marks)], key="pyramid", alt=f"{title} over the bird")
    with right:
        says(
            f"A cell of level {LEVELS[place]} is {stride} × {stride} pixels; the {plain(scene.part)} (dotted frame) "
            f"fills **{cells:.2g}** of such cells."
        )
        st.caption(
            f"Colour: mean strength of the {shown.detail.stage1.features[place].channels} features in a cell, "
            f"0 – {float(strength.max()):.2g} without unit. Every level also hears the coarser one above it."
        )
        st.caption(scene.origin_line(METHOD))


def _gates(scene: Scene) -> None:
    shown = scene.shown(METHOD)
    if shown is None:
        return
    place = _level("Gates of", keys.GATE)
    stage = shown.detail.stage1
    low, high = _range(shown)
    gate, weights = stage.spatial_gates[place], stage.channel_gates[place]
    left, right = st.columns([1.15, 1], gap="large", vertical_alignment="center")
    with left:
        title = f"Spatial gate of level {LEVELS[place]}"
        chart(
            [Panel(title, shown.view.pixels, gate_layer(gate, low, high, cells=True))],
            key="gate", alt=f"{title} over the bird", bar="gate",
        )  # fmt: skip
    with right:
        places, channels = (percent(float((values > 0.5).mean())) for values in (gate, weights))
        says(
            f"Level {LEVELS[place]}: the spatial gate is more than half open at **{places}** of the places, and so are "
            f"{channels} of the {len(weights)} channel gates."
        )
        figure = strips.gate_strips({f"level {LEVELS[place]}": weights}, height=130)
        st.plotly_chart(figure, config=style.CONFIG, key="lesson-channel-gates", alt="Channel gates as a strip")
        st.caption(
            "Each feature is multiplied by the sum of its two gates. The three levels share the colours of the spatial "
            "gate; channel gates are handed up, half of each from the level below."
        )
        st.caption(scene.origin_line(METHOD))


def _range(shown: Explanation) -> tuple[float, float]:
    """Lowest and highest spatial gate of all levels."""
    gates = shown.detail.stage1.spatial_gates
    return min(float(gate.min()) for gate in gates), max(float(gate.max()) for gate in gates)


def _regions(scene: Scene) -> None:
    overlap = st.slider(
        "Overlap that is allowed, as a share of the two squares' joint area", 0.0, 0.9, 0.05, 0.05,
        key=keys.OVERLAP, width=CONTROL,
    )  # fmt: skip
    shown = scene.ask(
        METHOD,
        lambda entry: ask.explanation(
            entry, scene.image, dataclasses.replace(ask.own_settings(entry), nms_iou=overlap)
        ),
    )  # fmt: skip
    if shown is None:
        return
    detail, (low, high) = shown.detail, _range(shown)
    for place, column in enumerate(st.columns(3, gap="medium")):
        level, boxes = LEVELS[place], detail.rois[place]
        layer = gate_layer(detail.stage1.spatial_gates[place], low, high, cells=True)
        title = f"Level {level}: {len(boxes)} of {len(detail.candidates[place].scores)}"
        with column:
            chart(
                [Panel(title, shown.view.pixels, layer, roi_outlines(boxes, level))],
                key=f"rois-{level}", alt=f"Regions of level {level}: {len(boxes)}", side=280,
            )  # fmt: skip
    kept, offered = sum(map(len, detail.rois)), sum(len(level.scores) for level in detail.candidates)
    own = ask.own_settings(scene.entries[METHOD.name])
    says(
        f"**{kept}** regions are kept of {offered} squares. With more overlap they crowd around one spot; AP-CNN "
        f"allows {own.nms_iou:g} and keeps at most {_listed(own.top_k)} per level."
    )
    st.caption(
        "A square stands on every cell whose gate exceeds the level's mean; a border is left out. Tags: that gate."
        + f"{ties(detail)} "
        + scene.origin_line(METHOD)
    )


def _listed(counts: tuple[int, ...]) -> str:
    return f"{', '.join(map(str, counts[:-1]))} and {counts[-1]}"


STEPS = (
    Step(
        "AP-CNN",
        "Three levels of detail",
        "The second method, AP-CNN, sees the image at three *levels* (a feature pyramid): many small cells for fine "
        "parts, few large ones for the whole bird.",
        _pyramid,
        (FeaturePyramid.forward,),
    ),
    Step(
        "AP-CNN",
        "Gates: where to look, and for what",
        "At every level *gates*, numbers from 0 (shut) to 1 (open), weigh what passes: a spatial gate says where to "
        "look, channel gates say which patterns count.",
        _gates,
        (SpatialGate.forward, ChannelGate.forward, accumulate),
    ),
    Step(
        "AP-CNN",
        "Regions for a closer pass",
        "Around the most open cells AP-CNN draws squares, and of those that overlap it keeps the best: its *regions of "
        "interest* (ROIs).",
        _regions,
        (regions.candidate_scores, regions.keep_best, regions.best_boxes),
    ),
)
