"""The classifier behind the channels: how much of its weight lies on a class's own group, and what one group can do."""

import html

import numpy as np
import streamlit as st

from app.components.text import bars, percent, plain
from app.methods.mc.page.case import Case
from app.methods.mc.page.shares import ShareBar, share_bars
from fgcore.methods.mc.head_reading import HeadReading

_OTHERS = 3  # heaviest other groups to name
_COUNT = 4  # classes of each opinion


def classifier(case: Case) -> None:
    """Weight inside and outside the group; predictions with only the group and without it."""
    st.markdown(
        "**Whom does the classifier listen to?** After training only the dense head decides, and it mixes all "
        "channels. Does it still weigh a class by that class's own channels?"
    )
    readings = [case.reading(index) for index in case.pair]
    for place, reading, role in zip(st.columns(2, gap="large"), readings, ("class", "contrast"), strict=False):
        with place:
            _masses(case, reading, role)
    st.caption(
        "The head (max-pool, BN, FC, BN, ELU, FC) is not linear. **Weight** of a channel: the slope of the class's "
        "logit with respect to the pooled channel, at this image; for a linear head it is the weight itself. "
        "**Contribution**: slope times the pooled value, so silent channels count for nothing. Bars: sums of absolute "
        "values over a group's channels as a share of all channels'. Tick: an even spread over all channels."
    )
    st.markdown(
        "**One group alone, and all but it.** The other channels are set to 0, as if silent, before the head. It has "
        "never seen so many silent at once: read this as a test of what a group carries, not as a prediction."
    )
    for reading, role in zip(readings, ("class", "contrast"), strict=False):
        _opinions(case, reading, role)


def _masses(case: Case, reading: HeadReading, role: str) -> None:
    own, names = reading.class_index, case.names
    sizes = np.array(case.groups.group_sizes)
    even = sizes / sizes.sum()
    st.markdown(f"For the logit of **{plain(names[own])}** · the {role}")
    for title, masses in (("Weight", reading.weight_mass), ("Contribution on this image", reading.contribution_mass)):
        order = np.argsort(-masses, kind="stable")
        heaviest = [int(index) for index in order if index != own][:_OTHERS]
        full = max(float(masses.max()), float(even.max())) * 1.05 or 1.0
        place = 1 + int((masses > masses[own]).sum())
        rows = [_bar(f"its own group (rank {place} of {len(names)})", own, masses, even, full, role)]
        rows += [_bar(names[index], index, masses, even, full, "") for index in heaviest]
        inside = float(masses[own])
        told = html.escape(f"{title}: {100 * inside:.1f} % inside, {100 - 100 * inside:.1f} % outside")
        st.html(f'<h5 class="fg-h5">{told}</h5>{share_bars(rows)}')


def _bar(label: str, index: int, masses: np.ndarray, even: np.ndarray, full: float, role: str) -> ShareBar:
    told = f"{100 * masses[index]:.1f} %"
    return ShareBar(label, told, float(masses[index]) / full, float(even[index]) / full, role)


def _opinions(case: Case, reading: HeadReading, role: str) -> None:
    names, own = case.names, reading.class_index
    channels = len(case.groups.channels_of(own))
    total = len(case.groups.features)
    columns = st.columns(3, gap="medium")
    titles = (
        f"All {total} channels",
        f"Only the {channels} of the {role}",
        f"All but the {channels} of the {role}",
    )
    for column, title, prediction in zip(columns, titles, (reading.whole, reading.alone, reading.without), strict=True):
        with column:
            share = float(prediction.probabilities[own])
            place = 1 + int((prediction.probabilities > prediction.probabilities[own]).sum())
            st.markdown(f"**{title}**")
            st.caption(f"{plain(names[own])}: {plain(percent(share))}, rank {place} of {len(names)}")
            st.html(bars(prediction, names, truth=case.truth, count=_COUNT))
