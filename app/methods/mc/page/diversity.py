"""The branch of L_div: where each channel responds, and how little the channels of a class share."""

import html
from collections.abc import Sequence

import numpy as np
import streamlit as st

from app.charts import mosaic, strips, style
from app.charts.panels import Layer, Panel, panels
from app.components.text import plain
from app.methods.mc.page.case import Case
from app.methods.mc.page.shares import ShareBar, share_bars
from app.methods.mc.sides import Side

_SIDE = 240  # pixels of an image


def diversity(case: Case) -> None:
    """Spatial softmax, its CCMP, h and overlap of class and contrast class."""
    sides = case.sides(case.mask())
    st.markdown(
        "**Where does each channel respond?** A softmax over all positions turns a channel into a map that sums to 1. "
        "The maximum of a class's maps, summed over the positions, is **h**: 1 if all its channels respond at the "
        "same place, their number if each does elsewhere. No mask here, and all classes count."
    )
    for place, side in zip(st.columns(2, gap="medium"), sides, strict=False):
        with place:
            _softmax(case, side)
    left, right = st.columns([1.25, 1], gap="large", vertical_alignment="top")
    with left:
        _ccmp(case, sides)
    with right:
        _h(case, sides)
    _overlap(case, sides)


def _softmax(case: Case, side: Side) -> None:
    st.markdown(f"**{plain(side.name)}** · {side.called}")
    maps, every = side.group.softmax, np.ones(len(side.numbers), bool)
    figure = mosaic.channel_mosaic(
        maps, side.numbers, every, case.shown.view.pixels, high=float(maps.max()), own_scale=True,
        columns=mosaic.columns_for(len(maps)),
    )  # fmt: skip
    st.plotly_chart(
        figure, config=style.CONFIG, key=f"mc-softmax-{side.role}-{case.key}",
        alt=f"The channels of {side.called} as distributions over places",
    )  # fmt: skip
    count, height, width = maps.shape
    st.caption(
        f"{count} maps of {height} × {width}, each coloured from 0 to its own maximum; a channel's mass is 1, so an "
        f"even map has {1 / (height * width):.2g} everywhere."
    )


def _ccmp(case: Case, sides: Sequence[Side]) -> None:
    highest = [float(side.group.softmax_ccmp.max()) for side in sides]
    items = [
        Panel(
            f"<b>{html.escape(side.name)}</b><br>sum h = {side.group.diversity:.2f}",
            case.shown.view.pixels,
            Layer(side.group.softmax_ccmp, "maximum", 0, high, style.CHANNELS, smooth=not case.cells, digits=4),
            case.marks,
        )
        for side, high in zip(sides, highest, strict=True)
    ]
    st.markdown("**The maximum of the maps**")
    st.plotly_chart(
        panels(items, columns=2, side=_SIDE), config=style.CONFIG, key=f"mc-softmax-ccmp-{case.key}",
        alt="For class and contrast class: the maximum of the channels' softmax maps over the image",
    )  # fmt: skip
    ranges = " and ".join(f"0 – {high:.3g}" for high in highest)
    st.caption(f"Share of a channel's mass per cell, each map on its own scale: {ranges}.")


def _h(case: Case, sides: Sequence[Side]) -> None:
    all_h, sizes = case.groups.diversity, np.array(case.groups.group_sizes)
    rows = [
        ShareBar(
            side.name, f"h = {side.group.diversity:.2f} of 1 – {len(side.numbers)}",
            _position(side.group.diversity, len(side.numbers)), role=side.role,
        )
        for side in sides
    ]  # fmt: skip
    rows.append(
        ShareBar(
            f"all {len(all_h)} classes",
            f"L_div = {all_h.mean():.2f}, from {all_h.min():.2f} to {all_h.max():.2f}",
            _position(float(all_h.mean()), float(sizes.mean())),
        )
    )
    st.markdown("**h, from 1 to the number of channels**")
    st.html(share_bars(rows))
    st.caption(
        "h: over how many places the channels of a class spread, without unit. An empty bar is 1, a full one as many "
        "places as channels. L_div, its mean over all classes, is what training raises."
    )


def _position(h: float, highest: float) -> float:
    """Of h between 1 and the number of channels, 0 .. 1."""
    return (h - 1) / (highest - 1) if highest > 1 else 0.0


def _overlap(case: Case, sides: Sequence[Side]) -> None:
    st.markdown("**Overlap of each pair of channels**")
    figure = strips.overlap_matrices(
        [(html.escape(side.name), side.group.overlap) for side in sides], [side.numbers for side in sides], height=290
    )
    st.plotly_chart(
        figure, config=style.CONFIG, key=f"mc-overlap-{case.key}",
        alt="Overlap of each pair of channels, for class and contrast class",
    )  # fmt: skip
    st.caption(
        "Mass that two channels' softmax maps share, without unit: 0 at disjoint places, 1 at the same ones. MC-Loss "
        "wants it dark off the diagonal."
    )
