"""The baseline's filmstrip: Grad-CAM of the right class."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from fgcore.methods.base import Film
from fgcore.records import Explanation
from fgcore.report import render

_SIDE = 28  # cells: a CAM has been stretched from a grid no finer than this


@dataclass(frozen=True)
class Heat:
    """One probe after one epoch."""

    cam: np.ndarray  # (h, w) in [0, 1] Grad-CAM of the probe's class


def pack(explanation: Explanation, target: int) -> dict[str, np.ndarray]:
    """The map, small, in 256 steps."""
    small = cv2.resize(explanation.cam, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    return {"cam": np.round(small * 255).astype(np.uint8)}


def unpack(arrays: Mapping[str, np.ndarray]) -> Heat:
    """See `pack`."""
    return Heat(arrays["cam"] / np.float32(255))


def image(pixels: np.ndarray, shown: Heat, stretch: float) -> np.ndarray:
    """The map over the grey image."""
    return render.overlay(render.grey(pixels), shown.cam, alpha=0.6, low=0, high=1, palette="magma")


FILM = Film(pack, unpack, image, caption=lambda shown, target: "", cam=True)
