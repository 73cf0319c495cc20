"""MC-Loss at a glance: from the picture through the channels and the three branches to the loss, with live pictures."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.charts import mc_flow, mosaic
from app.components.mc import Side
from app.components.mc_story import Story
from app.components.pictures import file_name, pictures_button
from app.components.text import percent, plain
from fgcore.methods.mc.mc_detail import LossParts

_COLOURS = (mc_flow.CLASS_COLOUR, mc_flow.RIVAL_COLOUR)


@dataclass(frozen=True)
class _Box:
    """One step of a lane: its name, the shape of what is computed there, and a picture of it or its value."""

    title: str
    shape: str
    source: str = ""  # data address of the picture
    alt: str = ""
    value: str = ""
    kind: str = "map"  # "map"; "bars": may be stretched; "wide": takes three places


def answer(story: Story) -> None:
    """What the model says, in one line."""
    prediction, names = story.look.prediction, story.names
    best = prediction.best
    share = plain(percent(float(prediction.probabilities[best]))).replace(" ", "&nbsp;")
    said = f"This model says **{plain(names[best])}**, {share}."
    if story.truth is not None:
        said += " ✓ That is right." if names[best] == story.truth else f" ✗ It is: **{plain(story.truth)}**."
    st.markdown(said)


def overview(story: Story) -> None:
    """The whole method as one figure, for the training step that the page follows."""
    mask = story.drawn(story.training_draw)
    side, parts = story.sides(mask)[0], story.loss(mask)
    colours = dict(zip(story.pair, _COLOURS, strict=False))
    lanes = {
        "trunk": ("From the picture to the channels", _trunk(story, side, colours)),
        "ce": ("Classifier", _classifier(story, colours, parts)),
        "dis": ("Discriminality: a class's channels must recognise it", _dis(story, side, mask, colours, parts)),
        "div": ("Diversity: each channel at another place", _div(story, side, colours, parts)),
    }
    drawn = "".join(_lane(title, kind, boxes) for kind, (title, boxes) in lanes.items())
    st.html(
        f'<figure class="fg-flow" role="group" aria-label="MC-Loss from the picture to the loss">{drawn}'
        f"{_total(parts)}</figure>"
    )
    rival = f", amber: **{plain(story.names[story.pair[1]])}**" if len(story.pair) > 1 else ""
    st.caption(
        f"Live, on this picture. Teal: **{plain(side.name)}**{rival}; grey: all others. Maps: dark is 0, bright "
        f"the highest value of that map. {_step(story)} The class taken for true: "
        f"**{plain(story.names[story.target])}**. Only the classifier's lane is used to predict; "
        "the other two exist in training."
    )
    pictures_button(_pictures({kind: boxes for kind, (_, boxes) in lanes.items()}), stem="mc-loss-overview")


def _pictures(lanes: Mapping[str, Sequence[_Box]]) -> dict[str, str]:
    """The figure's pictures, by names that keep their order."""
    return {
        file_name(f"{row}-{kind}-{place}", box.title): box.source
        for row, (kind, boxes) in enumerate(lanes.items(), start=1)
        for place, box in enumerate(boxes, start=1)
        if box.source
    }


def _step(story: Story) -> str:
    """Which mask the figure shows."""
    if story.number:
        return f"The step shown draws mask {story.number}."
    return f"Training always draws a mask, so this shows mask {story.training_draw} until you choose another."


def _trunk(story: Story, side: Side, colours: Mapping[int, str]) -> list[_Box]:
    pixels, features, sizes = story.look.view.pixels, story.groups.features, story.groups.group_sizes
    each = f"{min(sizes)}" if min(sizes) == max(sizes) else f"{min(sizes)} or {max(sizes)}"
    groups = f"{len(sizes)} groups of {each}; framed: the class's {len(side.numbers)}, and its rival's"
    everything = mc_flow.all_channels(features, sizes, _channel_colours(story, colours))
    return [
        _Box("Picture", _shape(3, *pixels.shape[:2]), mc_flow.picture(pixels), "The network's input"),
        _Box("Trunk", f"{_shape(*features.shape)}, their mean", mc_flow.heat(features.mean(0)), "Mean of all channels"),
        _Box("Channels, one hue per class", groups, everything, "All channels as tiny maps by group", kind="wide"),
    ]


def _classifier(story: Story, colours: Mapping[int, str], parts: LossParts) -> list[_Box]:
    pooled, probabilities = story.groups.features.max((1, 2)), story.look.prediction.probabilities
    side = story.entry.checkpoint.experiment.model.head_pool
    shape = f"{len(pooled)}" if side == 1 else f"{_shape(len(pooled), side, side)}, their maxima"
    return [
        _bars("Max pool", shape, pooled, _channel_colours(story, colours), "The highest value of each channel"),
        _bars("Dense head, softmax", f"{len(probabilities)} probabilities", probabilities, colours,
              "The probability of each class"),
        _Box("Cross-entropy", story.cross_entropy, value=f"{parts.ce:.4g}"),
    ]  # fmt: skip


def _dis(story: Story, side: Side, mask: np.ndarray, colours: Mapping[int, str], parts: LossParts) -> list[_Box]:
    shown, said = side.group, story.scores(mask)
    count, kept = len(said.scores), f"{int(shown.mask.sum())} of the class's {len(shown.mask)} kept"
    masked = mc_flow.tiles(shown.channels, shown.mask, columns=mosaic.columns_for(len(shown.mask)))
    ccmp = mc_flow.heat(shown.masked_ccmp)
    return [
        _Box("CWA mask", kept, masked, "The class's channels; those that the mask drops are grey"),
        _Box("CCMP", _shape(count, *shown.ccmp.shape), ccmp, "The class's CCMP map under the mask"),
        _bars("Mean (GAP)", f"{count} scores g", said.scores, colours, "The score of each class"),
        _bars("Softmax", f"{count} shares", said.probabilities, colours, "Softmax of the scores"),
        _Box("L_dis", "−log of the true class's share", value=f"{parts.discriminality:.4g}"),
    ]


def _div(story: Story, side: Side, colours: Mapping[int, str], parts: LossParts) -> list[_Box]:
    shown, count = side.group, len(story.names)
    every = np.ones(len(shown.mask), bool)
    maps = mc_flow.tiles(shown.softmax, every, columns=mosaic.columns_for(len(every)))
    shape = f"{_shape(*story.groups.features.shape)}, each sums to 1"
    return [
        _Box("Softmax over places", shape, maps, "The class's channels as distributions over places"),
        _Box("CCMP", _shape(count, *shown.ccmp.shape), mc_flow.heat(shown.softmax_ccmp), "The maximum of these maps"),
        _bars("Sum", f"{count} values h", story.groups.diversity, colours, "The diversity of each class"),
        _Box("L_div", "mean of h", value=f"{parts.diversity:.4g}"),
    ]


def _channel_colours(story: Story, colours: Mapping[int, str]) -> dict[int, str]:
    """The colours of the channels of class and rival."""
    return {number: colour for index, colour in colours.items() for number in story.groups.channels_of(index)}


def _bars(title: str, shape: str, values: np.ndarray, colours: Mapping[int, str], alt: str) -> _Box:
    return _Box(title, shape, mc_flow.bars(values, colours), alt, kind="bars")


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
