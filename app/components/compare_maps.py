"""The models' maps side by side, in how far they agree, and where they do."""

import html
from collections.abc import Sequence

import numpy as np
import streamlit as st

from app.charts import style
from app.charts.evidence import LOOK_COLOURS, evidence_panels, look_panels
from app.charts.panels import Layer, Outline, Panel
from app.checkpoints import World
from app.components import cards
from app.components.compare_looks import OWN, Look, Wish, on_common_grid, pairs
from app.components.text import percent, plain, table
from fgcore.inspection import cam
from fgcore.inspection.agreement import AREA, GRID, Agreement, agreement, look_map

_PALETTES = {"CCMP": style.CHANNELS, "ROI coverage": style.GATES, "gate": style.GATES}  # others: class activation maps
NUMBERS = {  # field of `Agreement` -> name, range, what it means
    "pearson": ("Pearson", "−1 – 1", "linear correlation (CC): 1 the same up to brightness and contrast, 0 unrelated"),
    "spearman": ("Spearman", "−1 – 1", "the same of the ranks: 1 where both put the places in the same order"),
    "similarity": ("Shared mass", "0 – 1", "each map from 0 and summing to one, the smaller of both summed up (SIM)"),
    "iou": ("IoU", "0 – 1", "the highest fifth of each: what both hold, as a share of what any holds; by chance 0.11"),
}  # fmt: skip
Facts = list[dict[str, str | float | None]]


def maps(looks: Sequence[Look], world: World, marks: Sequence[Outline], wish: Wish, *, cells: bool) -> None:
    """The picture and each model's map over it.

    Args:
        looks: two or three.
        world: of the models.
        marks: frames to draw on each.
        wish: what was asked for.
        cells: show the maps as they are, not interpolated.
    """
    first = looks[0].view
    items = [Panel("Picture,<br>as the networks see it", first.pixels, outlines=marks)]
    for look in looks:
        shown, same = look.evidence, look.view.photo_box == first.photo_box
        palette = _PALETTES.get(shown.quantity.split(" ")[0], _PALETTES.get(shown.quantity, style.CAM))
        digits = 2 if shown.low == 0 else 3
        layer = Layer(
            shown.values, shown.quantity, shown.low, shown.high, palette, smooth=not cells, digits=digits
        )  # fmt: skip
        items.append(Panel(_title(look, world), look.view.pixels, layer, marks if same else (), linked=same))
    with st.container(key="strip-maps"):
        st.plotly_chart(
            evidence_panels(items, _common_ranges(looks)), config=style.CONFIG, key="maps",
            alt="Maps over the picture: " + ", ".join(f"{world.label(o.entry)}, {o.evidence.quantity}" for o in looks),
        )  # fmt: skip
    st.caption(_caption(looks, world, wish) + cards.frames_told(marks))


def _title(look: Look, world: World) -> str:
    """Model, map, and what the model says of the class in question."""
    probability = percent(float(look.prediction.probabilities[look.class_index]))
    name = world.class_names[look.class_index]
    return (
        f"<b>{html.escape(world.label(look.entry))}</b> · {html.escape(look.evidence.quantity)}"
        f"<br>{html.escape(name)}, {html.escape(probability)}"
    )


def _common_ranges(looks: Sequence[Look]) -> dict[int, tuple[float, float]]:
    """Panel number -> the range that maps of its quantity span together, where several share one and differ."""
    ranges: dict[int, tuple[float, float]] = {}
    for number, look in enumerate(looks, start=1):
        alike = [other.evidence for other in looks if other.evidence.quantity == look.evidence.quantity]
        common = min(shown.low for shown in alike), max(shown.high for shown in alike)
        if any((shown.low, shown.high) != common for shown in alike):
            ranges[number] = common
    return ranges


def _caption(looks: Sequence[Look], world: World, wish: Wish) -> str:
    parts = []
    for look in looks:
        shown = look.evidence
        rows, columns = shown.cells
        against = f" against {plain(world.class_names[look.rival_index])}" if shown.quantity == "FinerCAM" else ""
        span = f"{shown.low:.3g} – {shown.high:.3g}{_unit(shown.quantity)}"
        parts.append(f"{plain(world.label(look.entry))}: {shown.quantity}{against}, {rows} × {columns}, {span}")
    scale = (
        " Class activation maps are stretched to 0 – 1 each: compare places, not strengths."
        if wish.kind != OWN or any(look.entry.method == "baseline" for look in looks)
        else ""
    )
    stage = " For AP-CNN they explain stage I." if wish.kind != OWN and _any(looks, "ap") else ""
    return f"{'; '.join(parts)}.{scale}{stage}"


def _any(looks: Sequence[Look], method: str) -> bool:
    return any(look.entry.method == method for look in looks)


def _unit(quantity: str) -> str:
    return {"CCMP": " (activation, no unit)", "ROI coverage": " ROIs per cell"}.get(quantity, ", no unit")


def story(wish: Wish, looks: Sequence[Look]) -> str:
    """What the maps of this kind show, in a sentence or two."""
    if wish.kind != OWN:
        return f"**{wish.kind}** shows {cam.METHODS[wish.kind]}."
    told = {
        "mc": "MC-Loss: CCMP, the strongest of the class's own channels at each place",
        "ap": {
            "ROI coverage": "AP-CNN: how many of its regions cover a place",
        }.get(wish.ap_map, f"AP-CNN: spatial {wish.ap_map} of stage I"),
        "baseline": "the baseline has no map of its own and shows Grad-CAM",
    }
    present = [text for method, text in told.items() if _any(looks, method)]
    return "; ".join(present) + "."


def agree(looks: Sequence[Look], world: World, marks: Sequence[Outline]) -> Facts:
    """Where both of two models look and where only one, and the numbers; returned for the download."""
    grids = on_common_grid(looks)
    names = [world.label(look.entry) for look in looks]
    found = [(i, j, agreement(grids[i], grids[j])) for i, j in pairs(len(looks))]
    titled = [(_pair_title(names[i], names[j]), look_map(grids[i], grids[j])) for i, j, _ in found]
    wide = len(found) > 1
    picture, numbers = (st.container(), st.container()) if wide else st.columns([1, 1.9], gap="medium")
    with picture, st.container(key="strip-looks" if wide else "looks-of-two"):
        st.plotly_chart(
            look_panels(titled, looks[0].view.pixels, marks), config=style.CONFIG, key="looks",
            alt="Where both of two models look and where only one: " + "; ".join(
                f"{names[i]} and {names[j]} share {_number(a.iou)} of the area" for i, j, a in found
            ),
        )  # fmt: skip
    with numbers:
        st.caption(
            f"Coloured: the {AREA:.0%} of the picture where a map is highest, on a grid of {GRID} × {GRID}; "
            "less where many places tie.".replace("%", " %")
        )
        rows = [[f"{names[i]} and {names[j]}", *(_number(getattr(a, field)) for field in NUMBERS)] for i, j, a in found]
        st.html(table(["", *(name for name, _, _ in NUMBERS.values())], rows))
        if len({look.evidence.class_index for look in looks} - {None}) > 1:
            st.markdown("The maps speak for **different classes**: choose one class above to compare like with like.")
        with st.expander("What these numbers mean"):
            definitions()
    return [{"first": names[i], "second": names[j], **as_numbers(a)} for i, j, a in found]


def definitions() -> None:
    """Each number of agreement, its range and its meaning."""
    st.html(table(["Number", "Range", "Meaning"], [list(words) for words in NUMBERS.values()]))
    st.caption(
        f"Both maps are first resampled to {GRID} × {GRID} over the same part of the picture. “–”: a map is flat, "
        "so that the number does not exist. Names as in Bylinskii et al., TPAMI 2019 (arXiv 1604.03605)."
    )


def _pair_title(first: str, second: str) -> str:
    """Names and colours of the two and of what they share; white is drawn as an outline, seen on any background."""
    spots = {which: f'<span style="color:{colour}">■</span>' for which, colour in LOOK_COLOURS.items()}
    return f"{spots['first']} only {html.escape(first)}<br>{spots['second']} only {html.escape(second)}   □ both"


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")


def as_numbers(found: Agreement) -> dict[str, float | None]:
    """Fields of an agreement, ready for JSON."""
    values = {field: getattr(found, field) for field in NUMBERS}
    return {field: None if np.isnan(value) else round(value, 6) for field, value in values.items()}
