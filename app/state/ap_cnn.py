"""AP-CNN's page: which model, part and level, and other ROI settings that the visitor tries.

{model} and {look} are short names of a checkpoint, and of a checkpoint with a picture.
"""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from fgcore.config import ROIConfig

MODEL = "apcnn"  # str, link: which of several AP-CNN models its page shows
PART = "detail"  # str, link: which of its parts is open
LEVEL = "level"  # int, link: the pyramid level in detail
DROP = "ap_drop_{look}"  # int: position of the ROI dropped among all ROIs; None: none
ZOOM = "ap_zoom_{look}"  # str: what to zoom into, "rois" or "own"
CORNER = "ap_{corner}_{look}"  # int, pixels: x1, y1, x2, y2 of the visitor's own zoom box
SETTING = "ap_{name}_{model}"  # int or float: one of the ROI settings to try

_TRIED = "ap_tried"  # Tried: the last other settings that made sense
DEFAULTS: dict[str, Any] = {_TRIED: None}


@dataclass(frozen=True)
class Tried:
    """ROI settings and zoom box to try instead of AP-CNN's own."""

    look: str  # short name of the checkpoint with the picture
    roi: ROIConfig
    zoom_box: tuple[float, float, float, float] | None  # xyxy, pixels; None: the box around the ROIs


def tried(look: str) -> Tried | None:
    """The last settings for this look that made sense, so that a bad value loses nothing."""
    last = st.session_state[_TRIED]
    return last if last is not None and last.look == look else None


def keep_tried(settings: Tried) -> None:
    """Remember settings that made sense."""
    st.session_state[_TRIED] = settings
