"""FineGrain Lens: see how fine-grained image classifiers decide.

In comments on shapes B is the batch, C channels, K classes, H and W the height and width of the network input, h and w
those of a feature map. For a notebook: `load` a checkpoint, let an `Inspector` look at an image, ask.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("finegrain-lens")
except PackageNotFoundError:  # run from a checkout
    __version__ = "0.1.0"

from fgcore.inspection.inspector import Inspection, Inspector, load
from fgcore.methods import LOSSES, METHODS

__all__ = ["LOSSES", "METHODS", "Inspection", "Inspector", "__version__", "load"]
