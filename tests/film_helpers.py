"""Small filmstrips for the tests: two probes of 64 pixels whose maps change with every epoch."""

import numpy as np

from fgcore.methods.ap.film import Regions
from fgcore.methods.baseline.film import Heat
from fgcore.methods.mc.film import Channels
from fgcore.outputs import Pyramid
from fgcore.records import Box, Prediction
from fgcore.training.probes import Frame, Probe, Strip

NAMES = ("Ash Warbler", "Ring-eyed Ash Warbler with a name that is far too long to fit under a small image")


def channels_of(step):
    """Three channels of MC-Loss that move apart with `step` 0 .. 2."""
    channels = np.zeros((3, 4, 4), np.float32)
    channels[0, 0, 0] = channels[1, 3, 3] = channels[2, 0, 3] = 5.0 * step
    return Channels(0, channels, np.ones(2), np.array([1 + step, 1.0]))


def regions_of(step):
    """Gates of AP-CNN that stay, and an ROI and a zoom box that move with `step`."""
    gates = Pyramid(*(np.full((side, side), 0.5, np.float32) for side in (8, 4, 2)))
    rois = Pyramid((Box(4.0 * step, 8, 4.0 * step + 16, 24, 0.9),), (), ())
    return Regions(gates, rois, (4.0 * step, 8.0, 60.0, 56.0))


SHOWN = {
    "baseline": lambda step: Heat(np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)),
    "mc": channels_of,
    "ap": regions_of,
}


def frame(method, step):
    """A frame after `step` epochs."""
    return Frame(Prediction("final", np.array([0.5 + 0.2 * step, 0.5 - 0.2 * step], np.float32)), SHOWN[method](step))


def strip_of(method, epochs=(0, 1, 2)):
    """A filmstrip of two probes, one per class."""
    pixels = np.full((64, 64, 3), (180, 120, 60), np.uint8)
    probes = tuple(Probe(f"birds/00{target}/0", target, pixels) for target in range(2))
    frames = tuple((frame(method, step),) * 2 for step in range(len(epochs)))
    return Strip(method, NAMES, probes, epochs, frames)
