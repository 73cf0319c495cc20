"""Puts the parts of one class on the canvas: colour and label together."""

from collections.abc import Sequence

import cv2
import numpy as np

from fgcore.data.synthetic.canvas import Canvas
from fgcore.data.synthetic.field_guide import PartSheet
from fgcore.data.synthetic.geometry import Points
from fgcore.data.synthetic.tones import Colour

OTHER = 255  # label of what belongs to the object but to no named part, such as an eye or a tyre


class PartPainter:
    """A canvas and the sheet of the class being painted.

    Attributes:
        canvas: painted on.
        sheet: the class.
        labels: part -> its label on the canvas, from 1.
        bits: part the class lacks -> the bit that marks its place.
    """

    def __init__(self, canvas: Canvas, sheet: PartSheet) -> None:
        """Starts with whatever is on the canvas already."""
        self.canvas, self.sheet = canvas, sheet
        self.labels = {part: label for label, part in enumerate(sheet.parts, start=1)}
        self.bits = {part: 1 << i for i, part in enumerate(part for part in sheet.parts if not sheet.has(part))}

    def solid(self, outline: Points, colour: Colour, part: str | None = None) -> None:
        """Paints something of the object: a part of the sheet, or what belongs to none."""
        self.canvas.fill(outline, colour, self.labels[part] if part else OTHER)

    def detail(self, outline: Points | Sequence[Points], colour: Colour) -> None:
        """Paints on a part without changing what it is."""
        self.canvas.fill(outline, colour)

    def region(self, outline: Points, part: str) -> None:
        """Says that what is painted already is the part."""
        self.canvas.fill(outline, None, self.labels[part])

    def place(self, outline: Points, part: str) -> None:
        """Marks where a part would be that the class lacks."""
        self.canvas.mark(outline, self.bits[part])

    def optional(self, outline: Points, part: str, colour: Colour | None = None) -> None:
        """Paints a part in the given colour, or its sheet's, where the class has it; else marks its place."""
        if self.sheet.has(part):
            self.solid(outline, colour or self.sheet.colour(part), part)
        else:
            self.place(outline, part)

    def masks(self) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """What is visible now: the object, (S, S) bool, and by name its parts, or the places of those it lacks."""
        label, places = cv2.split(self.canvas.small_labels())
        whole = label > 0
        there = {part: label == number for part, number in self.labels.items() if part not in self.bits}
        masks = there | {part: ((places & bit) > 0) & whole for part, bit in self.bits.items()}
        return whole, {part: masks[part] for part in self.labels}
