"""The smallest networks of each method, for tests that need a network and not a good one."""

from fgcore.config import ModelConfig
from fgcore.methods.ap.settings import APSettings, ROIConfig
from fgcore.methods.baseline.settings import BaselineSettings
from fgcore.methods.mc.settings import MCSettings


def small(method, classes=0, *, width=32):
    """SqueezeNet's first layers from scratch, with heads as narrow as they may be; other methods take their defaults.

    Args:
        method: a name of METHODS.
        classes: 0: those of the data.
        width: of AP-CNN's pyramid.
    """
    own = {
        "baseline": BaselineSettings(level=4),
        "mc": MCSettings(level=4),
        "ap": APSettings(pyramid_channels=width, roi=ROIConfig(anchors=(16.0, 32.0, 64.0))),
    }
    return ModelConfig(method, "squeezenet1_1", num_classes=classes, hidden=16, settings=own.get(method))
