"""The models' maps side by side, in how far they agree, and where they do."""

import html
from collections.abc import Sequence

import numpy as np
import streamlit as st

from app.charts import style
from app.charts.evidence import OVERLAP_COLOURS, evidence_panels, overlap_panels
from app.charts.panels import Layer, Outline, Panel
from app.checkpoints import LabelSet
from app.components import cards
from app.components.compare.answers import OWN, Answer, Wish, on_common_grid, pairs
from app.components.text import percent, plain, table
from fgcore.inspection import cams
from fgcore.inspection.agreement import AREA, GRID, Agreement, agreement, look_map

NUMBERS = {  # field of `Agreement` -> name, range, what it means
    "pearson": ("Pearson", "−1 – 1", "linear correlation (CC): 1 the same up to brightness and contrast, 0 unrelated"),
    "spearman": ("Spearman", "−1 – 1", "the same of the ranks: 1 where both put the places in the same order"),
    "similarity": ("Shared mass", "0 – 1", "each map from 0 and summing to one, the smaller of both summed up (SIM)"),
    "iou": ("IoU", "0 – 1", "the highest fifth of each: what both hold, as a share of what any holds; by chance 0.11"),
}  # fmt: skip
Facts = list[dict[str, str | float | None]]


def maps(answers: Sequence[Answer], label_set: LabelSet, marks: Sequence[Outline], *, cells: bool) -> None:
    """The image and each model's map over it.

    Args:
        answers: two or three.
        label_set: of the models.
        marks: frames to draw on each.
        cells: show the maps as they are, not interpolated.
    """
    first = answers[0].view
    items = [Panel("Image,<br>as the networks see it", first.pixels, outlines=marks)]
    for each in answers:
        shown, same = each.map, each.view.photo_box == first.photo_box
        palette, digits = each.own.palette if each.own else style.CAM, 2 if shown.low == 0 else 3
        layer = Layer(shown.values, shown.quantity, shown.low, shown.high, palette, smooth=not cells, digits=digits)
        items.append(Panel(_title(each, label_set), each.view.pixels, layer, marks if same else (), linked=same))
    with st.container(key="strip-maps"):
        st.plotly_chart(
            evidence_panels(items, _common_ranges(answers)), config=style.CONFIG, key="maps",
            alt="Maps over the image: " + ", ".join(f"{label_set.label(o.entry)}, {o.map.quantity}" for o in answers),
        )  # fmt: skip
    st.caption(_caption(answers, label_set) + cards.frames_told(marks))


def _title(each: Answer, label_set: LabelSet) -> str:
    """Model, map, and what the model says of the class in question."""
    probability = percent(float(each.prediction.probabilities[each.class_index]))
    name = label_set.class_names[each.class_index]
    return (
        f"<b>{html.escape(label_set.label(each.entry))}</b> · {html.escape(each.map.quantity)}"
        f"<br>{html.escape(name)}, {html.escape(probability)}"
    )


def _common_ranges(answers: Sequence[Answer]) -> dict[int, tuple[float, float]]:
    """Panel number -> the range that maps of its quantity span together, where several share one and differ."""
    ranges: dict[int, tuple[float, float]] = {}
    for number, each in enumerate(answers, start=1):
        alike = [other.map for other in answers if other.map.quantity == each.map.quantity]
        common = min(shown.low for shown in alike), max(shown.high for shown in alike)
        if any((shown.low, shown.high) != common for shown in alike):
            ranges[number] = common
    return ranges


def _caption(answers: Sequence[Answer], label_set: LabelSet) -> str:
    parts = []
    for each in answers:
        shown = each.map
        rows, columns = shown.cells
        against = f" against {plain(label_set.class_names[each.contrast])}" if shown.quantity == "FinerCAM" else ""
        where = "" if each.own else f", {each.layer}"
        unit = each.own.unit if each.own else "no unit"
        span = f"{rows} × {columns}, {shown.low:.3g} – {shown.high:.3g}, {unit}"
        parts.append(f"{plain(label_set.label(each.entry))}: {plain(shown.quantity)}{against}{where}, {span}")
    stretched = " Class activation maps are stretched to 0 – 1 each: compare places, not strengths."
    return f"{'; '.join(parts)}.{'' if all(each.own for each in answers) else stretched}"


def words(wish: Wish, answers: Sequence[Answer]) -> str:
    """What the maps of this kind show, in a sentence or two."""
    if wish.kind != OWN:
        return f"**{wish.kind}** shows {cams.KINDS[wish.kind]}."
    told = {}
    for each in answers:
        words = each.own.words if each.own else f"no map of its own, so {each.map.quantity}"
        told.setdefault(each.entry.title, f"{each.entry.title}: {words}")
    return "; ".join(told.values()) + "."


def agree(answers: Sequence[Answer], label_set: LabelSet, marks: Sequence[Outline]) -> Facts:
    """Where both of two models look and where only one, and the numbers; returned for the download."""
    grids = on_common_grid(answers)
    names = [label_set.label(each.entry) for each in answers]
    found = [(i, j, agreement(grids[i], grids[j])) for i, j in pairs(len(answers))]
    titled = [(_pair_title(names[i], names[j]), look_map(grids[i], grids[j])) for i, j, _ in found]
    wide = len(found) > 1
    image, numbers = (st.container(), st.container()) if wide else st.columns([1, 1.9], gap="medium")
    with image, st.container(key="strip-overlap" if wide else "overlap-of-two"):
        st.plotly_chart(
            overlap_panels(titled, answers[0].view.pixels, marks), config=style.CONFIG, key="overlap",
            alt="Where both of two models look and where only one: " + "; ".join(
                f"{names[i]} and {names[j]} share {_number(a.iou)} of the area" for i, j, a in found
            ),
        )  # fmt: skip
    with numbers:
        st.caption(
            f"Coloured: the {AREA:.0%} of the image where a map is highest, on a grid of {GRID} × {GRID}; "
            "less where many places tie.".replace("%", " %")
        )
        rows = [[f"{names[i]} and {names[j]}", *(_number(getattr(a, field)) for field in NUMBERS)] for i, j, a in found]
        st.html(table(["", *(name for name, _, _ in NUMBERS.values())], rows))
        if len({each.map.class_index for each in answers} - {None}) > 1:
            st.markdown("The maps speak for **different classes**: choose one class above to compare like with like.")
        with st.expander("What these numbers mean"):
            definitions()
    return [{"first": names[i], "second": names[j], **as_numbers(a)} for i, j, a in found]


def definitions() -> None:
    """Each number of agreement, its range and its meaning."""
    st.html(table(["Number", "Range", "Meaning"], [list(words) for words in NUMBERS.values()]))
    st.caption(
        f"Both maps are first resampled to {GRID} × {GRID} over the same part of the image. “–”: a map is flat, "
        "so that the number does not exist. Names as in Bylinskii et al., TPAMI 2019 (arXiv 1604.03605)."
    )


def _pair_title(first: str, second: str) -> str:
    """Names and colours of the two and of what they share; white is drawn as an outline, seen on any background."""
    spots = {which: f'<span style="color:{colour}">■</span>' for which, colour in OVERLAP_COLOURS.items()}
    return f"{spots['first']} only {html.escape(first)}<br>{spots['second']} only {html.escape(second)}   □ both"


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")


def as_numbers(found: Agreement) -> dict[str, float | None]:
    """Fields of an agreement, ready for JSON."""
    values = {field: getattr(found, field) for field in NUMBERS}
    return {field: None if np.isnan(value) else round(value, 6) for field, value in values.items()}
