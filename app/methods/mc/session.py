"""What a session remembers of MC-Loss: model, part and mask of its page, channels kept by hand, Inspect's draw."""

from collections.abc import Iterable

import streamlit as st

NETWORK = "network"  # str, link: which of several MC-Loss models its page shows
PART = "part"  # str, link: which of its parts is open
MASK = "mask"  # int, link: number of the channel mask drawn there, below MOST_MASKS; 0: all channels are kept
MOST_MASKS = 10_000
OWN_SCALE = "mc_own_scale"  # bool: colour each channel to its own maximum

MASK_SEED = "mask_seed"  # int: draw of the mask on Inspect; no widget owns it, so 0 at first
_KEPT = "mc_kept"  # dict: group -> channels kept by hand

MCGroup = tuple[str, int, int]  # key of a checkpoint, number of the drawn mask, class


def kept_by_hand(group: MCGroup) -> tuple[int, ...] | None:
    """The channels that the visitor keeps in a group; None: as the mask was drawn."""
    return st.session_state.get(_KEPT, {}).get(group)


def keep_by_hand(group: MCGroup, channels: Iterable[int]) -> None:
    """Callback of clicks on channels: keep these and drop the others of the group."""
    st.session_state[_KEPT] = st.session_state.get(_KEPT, {}) | {group: tuple(sorted(channels))}


def keep_as_drawn(checkpoint: str, mask: int) -> None:
    """Callback: forget what was kept by hand under this mask."""
    kept = st.session_state.get(_KEPT, {})
    st.session_state[_KEPT] = {group: channels for group, channels in kept.items() if group[:2] != (checkpoint, mask)}
