"""MC-Loss: the channels of a class, what they add up to, and a rival beside it."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app import state
from app.charts import mosaic, strips, style
from app.charts.panels import Layer, Outline, Panel, panels
from app.components.text import plain, table
from fgcore.methods.mc.channel_groups import draw_mask, group
from fgcore.records import ChannelGroups, Explanation, Group

_RIVAL_MASK = 1_000_003  # the rival's mask is another draw than the class's


@dataclass(frozen=True)
class Side:
    """A class and what there is to say of it."""

    index: int
    name: str
    role: str  # "class" or "rival"
    numbers: range  # its channels
    group: Group
    rank: int  # of its score among all classes, from 1


def mc_section(
    explanation: Explanation, chosen: Sequence[int], dropped: int, marks: Sequence[Outline], *, key: str, cells: bool
) -> None:
    """Channels, CCMP, mask, score and diversity of a class and its rival.

    Args:
        explanation: of an MC-Loss model.
        chosen: class and rival.
        dropped: channels that the mask drops in each group; -1: half of them.
        marks: frames to draw on the maps.
        key: of the section's widgets.
        cells: show maps as they are, not interpolated.
    """
    seed = st.session_state[state.question.MASK_SEED]
    masks = [
        _mask(explanation.groups, index, dropped, seed + _RIVAL_MASK * place) for place, index in enumerate(chosen)
    ]
    sides = [
        side_of(explanation, index, mask, role)
        for index, mask, role in zip(chosen, masks, ("class", "rival"), strict=False)
    ]
    high = max(float(side.group.channels.max()) for side in sides) or 1.0
    _channels(explanation, sides, high, key)
    _ccmp(explanation, sides, high, marks, key, cells)
    _numbers(explanation, sides, key)


def _mask(groups: ChannelGroups, index: int, dropped: int, seed: int) -> np.ndarray:
    return draw_mask(groups.group_sizes[index], seed, None if dropped < 0 else dropped)


def side_of(explanation: Explanation, index: int, mask: np.ndarray, role: str) -> Side:
    """A class under a mask of its group, (xi,) bool, in the role of "class" or "rival"."""
    groups = explanation.groups
    rank = 1 + int((groups.scores > groups.scores[index]).sum())
    return Side(
        index, explanation.class_names[index], role, groups.channels_of(index), group(groups, index, mask), rank
    )


def _channels(explanation: Explanation, sides: Sequence[Side], high: float, key: str) -> None:
    columns = mosaic.columns_for(max(len(side.numbers) for side in sides))
    for place, side in zip(st.columns(2, gap="medium"), sides, strict=True):
        with place:
            st.markdown(f"**{plain(side.name)}** · the {side.role}")
            figure = mosaic.channel_mosaic(
                side.group.channels, side.numbers, side.group.mask, explanation.view.pixels, high=high, columns=columns
            )
            st.plotly_chart(
                figure, config=style.CONFIG, key=f"mosaic-{side.role}-{key}",
                alt=f"The {len(side.numbers)} channels of the {side.role} as small heat maps",
            )  # fmt: skip
            count, height, width = side.group.channels.shape
            st.caption(
                f"Channels {side.numbers.start} – {side.numbers.stop - 1}, {count} maps of {height} × {width}, raw "
                f"activations 0 – {side.group.channels.max():.3g} without unit. Veiled: dropped by the mask."
            )
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.markdown(
        f"Both sides share one colour scale, 0 – {high:.3g}. In training a random mask (CWA) drops "
        f"{int((~sides[0].group.mask).sum())} of these {len(sides[0].numbers)} channels at every step, "
        "so that each of them has to recognise the class."
    )
    right.button(
        "Draw another mask", icon=":material/casino:", key=f"redraw-mask-{key}", on_click=state.advance,
        args=(state.question.MASK_SEED,), width="stretch",
    )  # fmt: skip


def _ccmp(
    explanation: Explanation, sides: Sequence[Side], high: float, marks: Sequence[Outline], key: str, cells: bool
) -> None:
    st.markdown(
        "**CCMP** keeps, at each position, the strongest channel of the class. Its mean over all positions is "
        "the score g."
    )
    pixels, items = explanation.view.pixels, []
    for side in sides:
        for values, what in ((side.group.ccmp, "all channels"), (side.group.masked_ccmp, "after the mask")):
            layer = Layer(values, "CCMP", 0, high, style.CHANNELS, smooth=not cells)
            items.append(Panel(f"<b>{html.escape(side.name)}</b><br>{what}", pixels, layer, marks))
    winners = st.toggle("Show which channel wins where", key=f"winners-{key}")
    if winners:
        items += [panel for side in sides for panel in (_winner(side, pixels), None)]
    with st.container(key=f"strip-ccmp-{key}"):
        st.plotly_chart(
            panels(items, columns=4, side=205), config=style.CONFIG, key=f"ccmp-{key}",
            alt="CCMP maps of the class and of its rival over the picture, before and after the mask",
        )  # fmt: skip
    height, width = sides[0].group.ccmp.shape
    note = " Winner maps: the number of the strongest channel; clear where all are silent." if winners else ""
    st.caption(f"Maps of {height} × {width}, the same scale as the channels, 0 – {high:.3g}.{note}")


def _winner(side: Side, pixels: np.ndarray) -> Panel:
    numbers = np.where(side.group.ccmp > 0, side.group.winner + side.numbers.start, np.nan)
    layer = Layer(
        numbers, "channel", side.numbers.start - 0.5, side.numbers.stop - 0.5, style.CHANNELS,
        smooth=False, digits=0, fading=False,
    )  # fmt: skip
    return Panel(f"<b>{html.escape(side.name)}</b><br>which channel wins", pixels, layer)


def _numbers(explanation: Explanation, sides: Sequence[Side], key: str) -> None:
    left, right = st.columns([1.15, 1], gap="large")
    total = len(explanation.class_names)
    with left:
        st.markdown("**In numbers**")
        st.html(
            table(
                ["", *(side.name for side in sides)],
                [
                    ["score g", *(f"{s.group.score:.4g} (rank {s.rank} of {total})" for s in sides)],
                    ["g after the mask", *(f"{s.group.masked_score:.4g}{_change(s.group)}" for s in sides)],
                    ["diversity h", *(f"{s.group.diversity:.2f} of {len(s.numbers)}" for s in sides)],
                ],
            )
        )
        st.caption(
            "g: mean of the CCMP map, without unit. h: over how many places the channels spread, "
            "from 1 (all look at the same place) to the number of channels (each looks elsewhere). "
            "Both shape the training; the prediction comes from the classifier behind the channels."
        )
    with right:
        matrices = [(html.escape(side.name), side.group.overlap) for side in sides]
        figure = strips.overlap_matrices(matrices, [side.numbers for side in sides], height=190)
        st.markdown("**Overlap of each pair of channels**")
        st.plotly_chart(
            figure,
            config=style.CONFIG,
            key=f"overlap-{key}",
            alt="Overlap of each pair of channels, for class and rival",
        )
        st.caption(
            "Shared mass of two channels' softmax maps: 0 disjoint, 1 the same. MC-Loss wants it dark off the diagonal."
        )


def _change(of: Group) -> str:
    if of.score == 0:
        return ""
    return f" ({(of.masked_score - of.score) / of.score:+.0%})".replace("%", " %").replace("-", "−")
