"""Birds and cars drawn by the program: look-alike classes, part masks and known differences, no download.

Classes come in families of three whose members differ in one or two small parts. `draw` returns a picture with
its ground truth; `sheets` tells how the classes are defined.

    sample = draw("birds", class_index=1, seed=7)
    sample.telling_parts          # ("eye_ring",)
    sample.part_masks["eye_ring"] # (256, 256) bool
"""

from fgcore.data.synthetic.field_guide import (
    KINDS,
    PartSheet,
    class_names,
    nearest_relative,
    sheets,
    telling_parts,
)
from fgcore.data.synthetic.sample import Sample, draw

__all__ = [
    "KINDS",
    "PartSheet",
    "Sample",
    "class_names",
    "draw",
    "nearest_relative",
    "sheets",
    "telling_parts",
]
