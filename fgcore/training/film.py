"""The filmstrip as pictures: what a network looks at in each probe after each epoch, still or moving."""

import io
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fgcore.outputs import LEVELS
from fgcore.records import Box
from fgcore.report import render
from fgcore.training.probes import Frame, Strip

SIDE = 224  # pixels of a picture in the animation
_COLUMNS = 4
_HEAD, _FOOT, _GAP = 46, 44, 10  # pixels
_PAPER, _INK, _FAINT, _ACCENT = (252, 252, 251), (29, 42, 48), (110, 122, 128), (42, 147, 171)
_FRAME_MS, _LAST_MS = 350, 2500  # how long a frame stays
_COLOURS = (  # Okabe and Ito's, told apart by colour-blind readers; yellow and sky blue last, they drown on photos
    (0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233), (240, 228, 66),
)  # fmt: skip


def channel_colours(count: int) -> np.ndarray:
    """A colour for each of `count` channels, (count, 3) uint8; beyond seven they are spread over the hues."""
    if count <= len(_COLOURS):
        return np.array(_COLOURS[:count], np.uint8)
    hues = np.arange(count) * 180 // count  # OpenCV's hues are half degrees
    hsv = np.stack([hues, np.full(count, 190), np.full(count, 215)], axis=1).astype(np.uint8)
    return cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0]


def colour_map(softmax: np.ndarray) -> np.ndarray:
    """Where a class's channels look, all in one map: a colour for each channel, grey where they look alike.

    Args:
        softmax: (xi, h, w), each channel a distribution over positions.

    Returns:
        (h, w, 4) uint8 RGBA: the mean of the channels' colours, weighted by their shares at that position; opaque
        where the strongest channel is at its strongest, clear where none looks.
    """
    strongest = softmax.max(0)
    shares = softmax / softmax.sum(0)  # softmax is positive everywhere
    colours = np.einsum("chw,cr->hwr", shares, channel_colours(len(softmax)).astype(np.float32))
    alpha = 235 * np.sqrt(strongest / strongest.max())
    return np.round(np.dstack([colours, alpha])).astype(np.uint8)


def picture(strip: Strip, epoch: int, probe: int, side: int = SIDE) -> np.ndarray:
    """One probe after one epoch with what the network looked at, (side, side, 3) uint8.

    MC-Loss: the channels of the probe's class, each in its colour; AP-CNN: ROIs and zoom box; baseline: Grad-CAM.

    Args:
        strip: the filmstrip.
        epoch: position in `strip.epochs`.
        probe: position in `strip.probes`.
        side: pixels.
    """
    frame, pixels = strip.frames[epoch][probe], strip.probes[probe].pixels
    stretch = side / pixels.shape[1]
    pixels = cv2.resize(pixels, (side, side), interpolation=cv2.INTER_CUBIC)
    if frame.channels is not None:
        return _blend(_grey(pixels), colour_map(frame.softmax))
    if frame.gates is not None:
        return _regions(pixels, frame, stretch)
    return render.overlay(_grey(pixels), frame.cam, alpha=0.6, low=0, high=1, palette="magma")


def _grey(pixels: np.ndarray) -> np.ndarray:
    """Under a map, colour belongs to the map."""
    return cv2.cvtColor(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def _blend(pixels: np.ndarray, layer: np.ndarray) -> np.ndarray:
    layer = cv2.resize(layer.astype(np.float32), pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    alpha = layer[..., 3:] / 255
    return np.round((1 - alpha) * pixels + alpha * layer[..., :3]).astype(np.uint8)


def _regions(pixels: np.ndarray, frame: Frame, stretch: float) -> np.ndarray:
    shown = render.draw_zoom(pixels, tuple(stretch * side for side in frame.zoom_box))
    for level, boxes in zip(LEVELS, frame.rois, strict=True):
        scaled = [Box(*(stretch * side for side in (b.x1, b.y1, b.x2, b.y2)), b.score) for b in boxes]
        shown = render.draw_boxes(shown, scaled, level, scores=False)
    return shown


def caption(strip: Strip, epoch: int, probe: int) -> str:
    """The numbers of one probe after one epoch, such as "h 2.31 of 3 · 64 %"; the share is its class's probability."""
    frame, target = strip.frames[epoch][probe], strip.probes[probe].target
    share = f"{frame.prediction.probabilities[target]:.0%}".replace("%", " %")
    if frame.diversity is None:
        return share
    return f"h {frame.diversity[target]:.2f} of {len(frame.channels)} · {share}"


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
        sheet.paste(Image.fromarray(picture(strip, epoch, probe)), (left, top))
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
