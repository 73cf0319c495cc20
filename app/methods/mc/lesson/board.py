"""A board of cells with three handles to drag: the browser moves them, Python computes what they mean."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from app.charts.style import png_source

SIDE = 14  # cells
COLOURS = ("#2a7fd4", "#e69f00", "#00a87a")  # of the channels; told apart by colour-blind readers too
START = ((6.0, 6.0), (6.5, 7.0), (7.0, 6.0))  # (row, column) of each blob, in cells: all on one spot
Centres = tuple[tuple[float, float], ...]

_FOLDER = Path(__file__).parent
_HTML = '<div class="board" role="group" aria-label="Board of 14 by 14 cells"><img alt=""></div>'

_CSS, _JS = ((_FOLDER / name).read_text(encoding="utf-8") for name in ("board.css", "board.js"))
_mount = st.components.v2.component("fg_board", html=_HTML, css=_CSS, js=_JS)


def board(centres: Centres, channels: np.ndarray, key: str) -> None:
    """Draw the board; the visitor's moves arrive in session state, for `centres_of` to read.

    Args:
        centres: where the handles stand when the board first appears.
        channels: (3, SIDE, SIDE), >= 0, drawn in `COLOURS`.
        key: of the component.
    """
    data = {"image": _image(channels), "centres": centres, "side": SIDE, "colours": COLOURS}
    _mount(key=key, data=data, default={"centres": [list(centre) for centre in centres]}, on_centres_change=_nothing)


def centres_of(key: str) -> Centres:
    """Where the visitor has put the blobs: (row, column) of each, in cells from 0 to SIDE - 1."""
    return checked(getattr(st.session_state.get(key), "centres", None))


def checked(value: Any) -> Centres:  # noqa: ANN401 - whatever a browser sends
    """Positions from the browser; `START` for anything that is not three points."""
    try:
        points = tuple((float(row), float(column)) for row, column in value)
    except (TypeError, ValueError):
        return START
    if len(points) != len(START) or not all(math.isfinite(number) for point in points for number in point):
        return START
    return tuple((min(max(row, 0.0), SIDE - 1.0), min(max(column, 0.0), SIDE - 1.0)) for row, column in points)


def _nothing() -> None:
    """A state of a component needs a callback."""


def _image(channels: np.ndarray) -> str:
    """The channels in their colours, one pixel per cell, clear where all are silent, as a data address."""
    weights = channels / max(float(channels.max()), 1e-9)  # (3, h, w)
    inks = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in COLOURS])  # (3, 3)
    colour = np.einsum("nhw,nc->hwc", weights, inks) / np.maximum(weights.sum(0), 1e-9)[..., None]
    shown = np.dstack([colour, 255 * weights.max(0)])
    return png_source(np.clip(np.round(shown), 0, 255).astype(np.uint8))
