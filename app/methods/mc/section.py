"""MC-Loss on the Inspect page: the channels of a class, what they add up to, and a contrast class beside it."""

import html
from collections.abc import Sequence

import numpy as np
import streamlit as st

from app import state
from app.charts import mosaic, strips, style
from app.charts.panels import Layer, Outline, Panel, panels
from app.components.text import plain, table
from app.components.text import section as heading
from app.methods.base import Inspected
from app.methods.mc import session
from app.methods.mc.sides import Side, drawn_mask, sides
from fgcore.methods.mc.records import Group
from fgcore.records import Explanation


def section(asked: Inspected) -> None:
    """Channels, CCMP, mask, score and diversity of the class and its contrast class."""
    heading(
        f"{asked.label}: every class owns its channels",
        "MC-Loss gives each class a few channels of the last feature map and trains them to recognise it, each at "
        "another place. So they can be looked at directly, without gradients.",
    )
    shown, key = asked.shown, asked.entry.key
    both = sides(
        shown, asked.classes, drawn_mask(asked.entry, shown.detail, st.session_state.get(session.MASK_SEED, 0))
    )
    high = max(float(side.group.channels.max()) for side in both) or 1.0
    _channels(shown, both, high, key)
    _ccmp(shown, both, high, asked.marks, key, asked.choice.cells)
    _numbers(shown, both, key)


def _channels(shown: Explanation, both: Sequence[Side], high: float, key: str) -> None:
    columns = mosaic.columns_for(max(len(side.numbers) for side in both))
    for place, side in zip(st.columns(2, gap="medium"), both, strict=False):
        with place:
            st.markdown(f"**{plain(side.name)}** · {side.called}")
            figure = mosaic.channel_mosaic(
                side.group.channels, side.numbers, side.group.mask, shown.view.pixels, high=high, columns=columns
            )
            st.plotly_chart(
                figure, config=style.CONFIG, key=f"mosaic-{side.role}-{key}",
                alt=f"The {len(side.numbers)} channels of {side.called} as small heat maps",
            )  # fmt: skip
            count, height, width = side.group.channels.shape
            st.caption(
                f"Channels {side.numbers.start} – {side.numbers.stop - 1}, {count} maps of {height} × {width}, raw "
                f"activations 0 – {side.group.channels.max():.3g} without unit. Veiled: dropped by the mask."
            )
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.markdown(
        f"Both sides share one colour scale, 0 – {high:.3g}. In training a random mask (CWA) drops "
        f"{int((~both[0].group.mask).sum())} of these {len(both[0].numbers)} channels at every step, "
        "so that each of them has to recognise the class."
    )
    right.button(
        "Draw another mask", icon=":material/casino:", key=f"redraw-mask-{key}", on_click=state.advance,
        args=(session.MASK_SEED,), width="stretch",
    )  # fmt: skip


def _ccmp(
    shown: Explanation, both: Sequence[Side], high: float, marks: Sequence[Outline], key: str, cells: bool
) -> None:
    st.markdown(
        "**CCMP** keeps, at each position, the strongest channel of the class. Its mean over all positions is "
        "the score g."
    )
    pixels, items = shown.view.pixels, []
    for side in both:
        for values, what in ((side.group.ccmp, "all channels"), (side.group.masked_ccmp, "after the mask")):
            layer = Layer(values, "CCMP", 0, high, style.CHANNELS, smooth=not cells)
            items.append(Panel(f"<b>{html.escape(side.name)}</b><br>{what}", pixels, layer, marks))
    winners = st.toggle("Show which channel wins where", key=f"winners-{key}")
    if winners:
        items += [panel for side in both for panel in (_winner(side, pixels), None)]
    with st.container(key=f"strip-ccmp-{key}"):
        st.plotly_chart(
            panels(items, columns=4, side=205), config=style.CONFIG, key=f"ccmp-{key}",
            alt="CCMP maps of the class and of its contrast class over the image, before and after the mask",
        )  # fmt: skip
    height, width = both[0].group.ccmp.shape
    note = " Winner maps: the number of the strongest channel; clear where all are silent." if winners else ""
    st.caption(f"Maps of {height} × {width}, the same scale as the channels, 0 – {high:.3g}.{note}")


def _winner(side: Side, pixels: np.ndarray) -> Panel:
    numbers = np.where(side.group.ccmp > 0, side.group.winner + side.numbers.start, np.nan)
    layer = Layer(
        numbers, "channel", side.numbers.start - 0.5, side.numbers.stop - 0.5, style.CHANNELS,
        smooth=False, digits=0, fading=False,
    )  # fmt: skip
    return Panel(f"<b>{html.escape(side.name)}</b><br>which channel wins", pixels, layer)


def _numbers(shown: Explanation, both: Sequence[Side], key: str) -> None:
    left, right = st.columns([1.15, 1], gap="large")
    total = len(shown.class_names)
    with left:
        st.markdown("**In numbers**")
        st.html(
            table(
                ["", *(side.name for side in both)],
                [
                    ["score g", *(f"{s.group.score:.4g} (rank {s.rank} of {total})" for s in both)],
                    ["g after the mask", *(f"{s.group.masked_score:.4g}{_change(s.group)}" for s in both)],
                    ["diversity h", *(f"{s.group.diversity:.2f} of {len(s.numbers)}" for s in both)],
                ],
            )
        )
        st.caption(
            "g: mean of the CCMP map, without unit. h: over how many places the channels spread, "
            "from 1 (all respond at the same place) to the number of channels (each at another). "
            "Both shape the training; the prediction comes from the classifier behind the channels."
        )
    with right:
        matrices = [(html.escape(side.name), side.group.overlap) for side in both]
        figure = strips.overlap_matrices(matrices, [side.numbers for side in both], height=190)
        st.markdown("**Overlap of each pair of channels**")
        st.plotly_chart(
            figure,
            config=style.CONFIG,
            key=f"overlap-{key}",
            alt="Overlap of each pair of channels, for class and contrast class",
        )
        st.caption(
            "Shared mass of two channels' softmax maps: 0 disjoint, 1 the same. MC-Loss wants it dark off the diagonal."
        )


def _change(of: Group) -> str:
    if of.score == 0:
        return ""
    return f" ({(of.masked_score - of.score) / of.score:+.0%})".replace("%", " %").replace("-", "−")
