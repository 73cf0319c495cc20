"""AP-CNN on the Inspect page: gates and ROIs of each pyramid level, the zoom, a dropblock, and what each pass says."""

import numpy as np
import streamlit as st

from app import resources, state
from app.charts import strips, style
from app.charts.panels import Layer, Outline, Panel, panels
from app.components import cards
from app.components.text import percent, plain
from app.components.text import section as heading
from app.methods.ap import session
from app.methods.ap.drawing import (
    FOR_THE_EYE,
    cut_out,
    gate_layer,
    opinions,
    roi_outlines,
    ties,
    zoom_panels,
    zoom_size,
)
from app.methods.base import Inspected
from fgcore.methods.ap.detail import APDetail
from fgcore.outputs import LEVELS
from fgcore.records import Explanation


def section(asked: Inspected) -> None:
    """Gates, ROIs, zoom, a dropblock as training draws it, and what each pass says; the report gets the draw too."""
    heading(
        f"{asked.label}: a first pass, and a closer one",
        "Stage I sees the whole image at three levels of detail. The best regions of each level decide where "
        "to zoom, and stage II goes over them again with the same weights.",
    )
    entry, image, seed = asked.entry, asked.choice.image, st.session_state.get(session.DROP_SEED, 0)
    shown = resources.attempt(entry, lambda: resources.explanation(entry, image, draw_seed=seed))
    if isinstance(shown, str):
        cards.failure(entry, asked.choice.label_set, shown)
        return
    asked.keep(shown)
    _pyramid(shown, key=entry.key, cells=asked.choice.cells)
    _channel_gates(shown, key=entry.key)
    _zoom(shown, entry.checkpoint.experiment.model.settings.roi.drop_probabilities, key=entry.key)
    opinions(shown, asked.truth)


def _pyramid(shown: Explanation, *, key: str, cells: bool) -> None:
    """A row per level: the gate of the first pass, the ROIs it leads to, and the gate of the second."""
    detail, pixels = shown.detail, shown.view.pixels
    gates = [*detail.stage1.spatial_gates, *detail.stage2.spatial_gates]
    low, high = min(float(gate.min()) for gate in gates), max(float(gate.max()) for gate in gates)
    items, rows = [], []
    for place, level in enumerate(LEVELS):
        first, second = detail.stage1.spatial_gates[place], detail.stage2.spatial_gates[place]
        boxes, candidates = detail.rois[place], detail.candidates[place]
        rows.append(f"level {level}, stride {2**level}")
        shape = f"{first.shape[0]} × {first.shape[1]}"
        items += [
            Panel(f"Stage I gate, {shape}", pixels, gate_layer(first, low, high, cells)),
            Panel(
                f"ROIs: {len(boxes)} of {len(candidates.scores)} candidates", pixels,
                outlines=roi_outlines(boxes, level),
            ),
            Panel(
                "Stage II gate, on the zoomed crop", detail.zoomed_pixels, gate_layer(second, low, high, cells),
                place=cut_out(detail), linked=False,
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
        "suppression keeps the best that hardly overlap. The tag is the gate at its cell." + ties(detail)
    )


def _channel_gates(shown: Explanation, *, key: str) -> None:
    """The channel gates of stage I as strips."""
    gates = shown.detail.stage1.channel_gates
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


def _zoom(shown: Explanation, drop_probabilities: tuple[float, float], *, key: str) -> None:
    """The box around all ROIs, a dropblock as in training, and the crop of the second pass."""
    around, cut = zoom_panels(shown)
    items = [around, _dropblock(shown.detail, shown.view.pixels), cut]
    with st.container(key=f"strip-zoom-{key}"):
        st.plotly_chart(
            panels(items, columns=3, side=262), config=style.CONFIG, key=f"zoom-{key}",
            alt="The zoom box around all ROIs, the dropped ROI, and the zoomed crop",
        )  # fmt: skip
    st.caption(f"{zoom_size(shown.detail)} {FOR_THE_EYE}")
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.markdown(_drop_story(shown, drop_probabilities))
    right.button(
        "Drop another block", icon=":material/casino:", key=f"redraw-drop-{key}", on_click=state.advance,
        args=(session.DROP_SEED,), width="stretch",
    )  # fmt: skip


def _dropblock(detail: APDetail, pixels: np.ndarray) -> Panel:
    drop = detail.drop
    if drop.box is None:
        return Panel("Dropblock: nothing dropped", pixels)
    gone = np.where(detail.drop_mask == 0, 1.0, np.nan)
    layer = Layer(gone, "dropped", 0, 2, style.DROPPED, smooth=False, digits=0, fading=False)
    frame = Outline(drop.box, style.LEVEL_COLOURS[drop.level], tag="dropped")
    return Panel(f"Dropblock: ROI {drop.index + 1} of level {drop.level}", pixels, layer, [frame])


def _drop_story(shown: Explanation, probabilities: tuple[float, float]) -> str:
    detail = shown.detail
    if detail.drop.box is None or detail.dropped_mean is None:
        never = f"{1 - sum(probabilities):.0%}".replace("%", " %")
        return f"**Nothing was dropped this time**, as in {never} of all training steps. Draw again to drop a block."
    best = shown.prediction.best
    name = plain(shown.class_names[best])
    before, after = (percent(float(said.probabilities[best])) for said in (shown.prediction, detail.dropped_mean))
    change = f"stays at {after}" if before == after else f"goes from {before} to {after}"
    return (
        "In training one ROI is often **dropped**, so that the network learns to use other places too. "
        f"Without this one, *{name}* {change}."
    )
