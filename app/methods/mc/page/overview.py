"""MC-Loss at a glance: from the image through the channels and the three branches to the loss, with live images."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.charts import mosaic
from app.components.saving import file_name, save_button
from app.components.text import percent, plain
from app.methods.mc.page import flow
from app.methods.mc.page.case import Case
from app.methods.mc.sides import Side
from fgcore.methods.mc.head_reading import LossParts

_COLOURS = (flow.CLASS_COLOUR, flow.CONTRAST_COLOUR)


@dataclass(frozen=True)
class _Box:
    """One step of a lane: its name, the shape of what is computed there, and an image of it or its value."""

    title: str
    shape: str
    source: str = ""  # data address of the image
    alt: str = ""
    value: str = ""
    kind: str = "map"  # "map"; "bars": may be stretched; "wide": takes three places


def answer(case: Case) -> None:
    """What the model says, in one line."""
    prediction, names = case.shown.prediction, case.names
    best = prediction.best
    share = plain(percent(float(prediction.probabilities[best]))).replace(" ", "&nbsp;")
    said = f"This model says **{plain(names[best])}**, {share}."
    if case.truth is not None:
        said += " ✓ That is right." if names[best] == case.truth else f" ✗ It is: **{plain(case.truth)}**."
    st.markdown(said)


def overview(case: Case) -> None:
    """The whole method as one figure, for the training step that the page follows."""
    mask = case.drawn(case.training_draw)
    side, parts = case.sides(mask)[0], case.loss(mask)
    colours = dict(zip(case.pair, _COLOURS, strict=False))
    lanes = {
        "trunk": ("From the image to the channels", _trunk(case, side, colours)),
        "ce": ("Classifier", _classifier(case, colours, parts)),
        "dis": ("Discriminality: a class's channels must recognise it", _dis(case, side, mask, colours, parts)),
        "div": ("Diversity: each channel at another place", _div(case, side, colours, parts)),
    }
    drawn = "".join(_lane(title, kind, boxes) for kind, (title, boxes) in lanes.items())
    st.html(
        f'<figure class="fg-flow" role="group" aria-label="MC-Loss from the image to the loss">{drawn}'
        f"{_total(parts)}</figure>"
    )
    contrast = f", amber: **{plain(case.names[case.pair[1]])}**" if len(case.pair) > 1 else ""
    st.caption(
        f"Live, on this image. Teal: **{plain(side.name)}**{contrast}; grey: all others. Maps: dark is 0, bright "
        f"the highest value of that map. {_step(case)} The class taken for true: "
        f"**{plain(case.names[case.target])}**. Only the classifier's lane is used to predict; "
        "the other two exist in training."
    )
    save_button(_images({kind: boxes for kind, (_, boxes) in lanes.items()}), stem="mc-loss-overview")


def _images(lanes: Mapping[str, Sequence[_Box]]) -> dict[str, str]:
    """The figure's images, by names that keep their order."""
    return {
        file_name(f"{row}-{kind}-{place}", box.title): box.source
        for row, (kind, boxes) in enumerate(lanes.items(), start=1)
        for place, box in enumerate(boxes, start=1)
        if box.source
    }


def _step(case: Case) -> str:
    """Which mask the figure shows."""
    if case.number:
        return f"The step shown draws mask {case.number}."
    return f"Training always draws a mask, so this shows mask {case.training_draw} until you choose another."


def _trunk(case: Case, side: Side, colours: Mapping[int, str]) -> list[_Box]:
    pixels, features, sizes = case.shown.view.pixels, case.groups.features, case.groups.group_sizes
    each = f"{min(sizes)}" if min(sizes) == max(sizes) else f"{min(sizes)} or {max(sizes)}"
    groups = f"{len(sizes)} groups of {each}; framed: the class's {len(side.numbers)}, and its contrast class's"
    everything = flow.all_channels(features, sizes, _channel_colours(case, colours))
    return [
        _Box("Image", _shape(3, *pixels.shape[:2]), flow.image(pixels), "The network's input"),
        _Box("Trunk", f"{_shape(*features.shape)}, their mean", flow.heat(features.mean(0)), "Mean of all channels"),
        _Box("Channels, one hue per class", groups, everything, "All channels as tiny maps by group", kind="wide"),
    ]


def _classifier(case: Case, colours: Mapping[int, str], parts: LossParts) -> list[_Box]:
    pooled, probabilities = case.groups.features.max((1, 2)), case.shown.prediction.probabilities
    side = case.entry.checkpoint.experiment.model.settings.head_pool
    shape = f"{len(pooled)}" if side == 1 else f"{_shape(len(pooled), side, side)}, their maxima"
    return [
        _bars("Max pool", shape, pooled, _channel_colours(case, colours), "The highest value of each channel"),
        _bars("Dense head, softmax", f"{len(probabilities)} probabilities", probabilities, colours,
              "The probability of each class"),
        _Box("Cross-entropy", case.cross_entropy, value=f"{parts.ce:.4g}"),
    ]  # fmt: skip


def _dis(case: Case, side: Side, mask: np.ndarray, colours: Mapping[int, str], parts: LossParts) -> list[_Box]:
    shown, said = side.group, case.scores(mask)
    count, kept = len(said.scores), f"{int(shown.mask.sum())} of the class's {len(shown.mask)} kept"
    masked = flow.tiles(shown.channels, shown.mask, columns=mosaic.columns_for(len(shown.mask)))
    ccmp = flow.heat(shown.masked_ccmp)
    return [
        _Box("CWA mask", kept, masked, "The class's channels; those that the mask drops are grey"),
        _Box("CCMP", _shape(count, *shown.ccmp.shape), ccmp, "The class's CCMP map under the mask"),
        _bars("Mean (GAP)", f"{count} scores g", said.scores, colours, "The score of each class"),
        _bars("Softmax", f"{count} shares", said.probabilities, colours, "Softmax of the scores"),
        _Box("L_dis", "−log of the true class's share", value=f"{parts.discriminality:.4g}"),
    ]


def _div(case: Case, side: Side, colours: Mapping[int, str], parts: LossParts) -> list[_Box]:
    shown, count = side.group, len(case.names)
    every = np.ones(len(shown.mask), bool)
    maps = flow.tiles(shown.softmax, every, columns=mosaic.columns_for(len(every)))
    shape = f"{_shape(*case.groups.features.shape)}, each sums to 1"
    return [
        _Box("Softmax over places", shape, maps, "The class's channels as distributions over places"),
        _Box("CCMP", _shape(count, *shown.ccmp.shape), flow.heat(shown.softmax_ccmp), "The maximum of these maps"),
        _bars("Sum", f"{count} values h", case.groups.diversity, colours, "The diversity of each class"),
        _Box("L_div", "mean of h", value=f"{parts.diversity:.4g}"),
    ]


def _channel_colours(case: Case, colours: Mapping[int, str]) -> dict[int, str]:
    """The colours of the channels of class and contrast class."""
    return {number: colour for index, colour in colours.items() for number in case.groups.channels_of(index)}


def _bars(title: str, shape: str, values: np.ndarray, colours: Mapping[int, str], alt: str) -> _Box:
    return _Box(title, shape, flow.bars(values, colours), alt, kind="bars")


def _shape(*sizes: int) -> str:
    return " × ".join(str(size) for size in sizes)


def _lane(title: str, kind: str, boxes: Sequence[_Box]) -> str:
    items = "".join(_item(box) for box in boxes)
    return f'<section class="fg-lane fg-{kind}"><h4>{html.escape(title)}</h4><ol>{items}</ol></section>'


def _item(box: _Box) -> str:
    shown = f"<strong>{html.escape(box.value)}</strong>"
    if box.source:
        shown = f'<img src="{box.source}" alt="{html.escape(box.alt)}">'
    words = f"<b>{html.escape(box.title)}</b><span>{html.escape(box.shape)}</span>"
    return f'<li class="fg-{box.kind}">{shown}<div>{words}</div></li>'


def _total(parts: LossParts) -> str:
    """The formula with its numbers."""
    inner = f"({parts.discriminality:.4g} − {parts.diversity_weight:.4g} × {parts.diversity:.4g})"
    total = f"{parts.total:.4g}".replace("-", "−")
    return (
        '<p class="fg-total"><b>Loss</b> = CE + μ (L<sub>dis</sub> − λ L<sub>div</sub>) '
        f"= {parts.ce:.4g} + {parts.mc_weight:.4g} × {inner} = <b>{total}</b></p>"
    )
