"""Birds and cars drawn by the program: look-alike classes, part masks and known differences, no download.

Classes come in families of three whose members differ in one or two small parts. `draw` returns an image with
its ground truth; `sheets` tells how the classes are defined.

    sample = draw("birds", class_index=1, seed=7)
    sample.discriminative_parts          # ("eye_ring",)
    sample.part_masks["eye_ring"] # (256, 256) bool
"""

from fgcore.data.synthetic.field_guide import (
    KINDS,
    PartSheet,
    class_names,
    discriminative_parts,
    nearest_relative,
    sheets,
)
from fgcore.data.synthetic.sample import Sample, draw

__all__ = [
    "KINDS",
    "PartSheet",
    "Sample",
    "class_names",
    "discriminative_parts",
    "draw",
    "nearest_relative",
    "sheets",
]
