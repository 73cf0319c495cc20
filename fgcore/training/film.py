"""The filmstrip as images: what a network looks at in each probe after each epoch, still or moving."""

import io
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fgcore.methods import METHODS
from fgcore.training.probes import Strip

SIDE = 224  # pixels of an image in the animation
_COLUMNS = 4
_HEAD, _FOOT, _GAP = 46, 44, 10  # pixels
_PAPER, _INK, _FAINT, _ACCENT = (252, 252, 251), (29, 42, 48), (110, 122, 128), (42, 147, 171)
_FRAME_MS, _LAST_MS = 350, 2500  # how long a frame stays


def image(strip: Strip, epoch: int, probe: int, side: int = SIDE) -> np.ndarray:
    """One probe after one epoch with what the method shows on it, (side, side, 3) uint8.

    Args:
        strip: the filmstrip.
        epoch: position in `strip.epochs`.
        probe: position in `strip.probes`.
        side: pixels.
    """
    frame, pixels = strip.frames[epoch][probe], strip.probes[probe].pixels
    stretch = side / pixels.shape[1]
    resized = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_CUBIC)
    return METHODS[strip.method].film.image(resized, frame.shown, stretch)


def caption(strip: Strip, epoch: int, probe: int) -> str:
    """The numbers of one probe after one epoch, such as "h 2.31 of 3 · 64 %"; the share is its class's probability."""
    frame, target = strip.frames[epoch][probe], strip.probes[probe].target
    share = f"{frame.prediction.probabilities[target]:.0%}".replace("%", " %")
    own = METHODS[strip.method].film.caption(frame.shown, target)
    return f"{own} · {share}" if own else share


def gif(strip: Strip, title: str, last_epoch: int) -> bytes:
    """The filmstrip as an animated GIF; each frame says the title and its epoch.

    Args:
        strip: at least one epoch.
        title: run, method and seed.
        last_epoch: of the whole run.

    Raises:
        ValueError: there is no epoch yet.
    """
    if not strip.epochs:
        raise ValueError("expected a filmstrip of one epoch or more, got none; wait for the first epoch")
    frames = [_sheet(strip, number, title, last_epoch) for number in range(len(strip.epochs))]
    quantised = [frame.quantize(128, dither=Image.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    durations = [_FRAME_MS] * (len(frames) - 1) + [_LAST_MS]
    quantised[0].save(
        buffer, "GIF", save_all=True, append_images=quantised[1:], duration=durations, loop=0, comment=title.encode()
    )
    return buffer.getvalue()


def _sheet(strip: Strip, epoch: int, title: str, last_epoch: int) -> Image.Image:
    """One frame of the animation: a head, the probes, their names and numbers."""
    count = len(strip.probes)
    columns = min(_COLUMNS, count)
    rows = -(-count // columns)
    size = columns * (SIDE + _GAP) + _GAP, _HEAD + rows * (SIDE + _FOOT)
    sheet = Image.new("RGB", size, _PAPER)
    draw = ImageDraw.Draw(sheet)
    done = strip.epochs[epoch] / max(last_epoch, 1)
    _line(draw, (_GAP, 8), title, 15, _INK, size[0] - 2 * _GAP - 130)
    draw.text((size[0] - _GAP, 8), f"epoch {strip.epochs[epoch]} of {last_epoch}", _INK, _font(15), anchor="ra")
    draw.rectangle((_GAP, 33, size[0] - _GAP, 36), (222, 227, 228))
    draw.rectangle((_GAP, 33, _GAP + done * (size[0] - 2 * _GAP), 36), _ACCENT)
    for probe in range(count):
        left, top = _GAP + (probe % columns) * (SIDE + _GAP), _HEAD + (probe // columns) * (SIDE + _FOOT)
        sheet.paste(Image.fromarray(image(strip, epoch, probe)), (left, top))
        _line(draw, (left, top + SIDE + 4), strip.name_of(probe), 13, _INK, SIDE)
        _line(draw, (left, top + SIDE + 21), caption(strip, epoch, probe), 13, _FAINT, SIDE)
    return sheet


def _font(size: int) -> ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _line(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, size: int, ink: Sequence[int], width: int
) -> None:
    """Text on one line, shortened to `width` pixels."""
    font, shown = _font(size), text
    while shown and font.getlength(shown if shown == text else f"{shown}…") > width:
        shown = shown[:-1]
    draw.text(corner, shown if shown == text else f"{shown}…", tuple(ink), font)
