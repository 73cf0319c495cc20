"""What a session remembers of AP-CNN: model, part and level of its page, other ROI settings to try, Inspect's draw.

{model} and {case} are short names of a checkpoint, and of a checkpoint with an image.
"""

from dataclasses import dataclass

import streamlit as st

from fgcore.methods.ap.settings import ROIConfig

MODEL = "apcnn"  # str, link: which of several AP-CNN models its page shows
PART = "detail"  # str, link: which of its parts is open
LEVEL = "level"  # int, link: the pyramid level in detail
DROP = "ap_drop_{case}"  # int: position of the ROI dropped among all ROIs; None: none
ZOOM = "ap_zoom_{case}"  # str: what to zoom into, "rois" or "own"
CORNER = "ap_{corner}_{case}"  # int, pixels: x1, y1, x2, y2 of the visitor's own zoom box
SETTING = "ap_{name}_{model}"  # int or float: one of the ROI settings to try

DROP_SEED = "drop_seed"  # int: draw of the dropblock on Inspect; no widget owns it, so 0 at first
_TRIED = "ap_tried"  # Tried: the last other settings that made sense


@dataclass(frozen=True)
class Tried:
    """ROI settings and zoom box to try instead of AP-CNN's own."""

    case: str  # short name of the checkpoint with the image
    roi: ROIConfig
    zoom_box: tuple[float, float, float, float] | None  # xyxy, pixels; None: the box around the ROIs


def tried(case: str) -> Tried | None:
    """The last settings for this case that made sense, so that a bad value loses nothing."""
    last = st.session_state.get(_TRIED)
    return last if last is not None and last.case == case else None


def keep_tried(settings: Tried) -> None:
    """Remember settings that made sense."""
    st.session_state[_TRIED] = settings
