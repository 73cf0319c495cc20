"""Images from strangers: decoded with care, or refused with one sentence that tells the way out."""

import hashlib
import io
import os
import re
import threading
from contextlib import nullcontext
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from fgcore.data.image_checks import (
    MAX_ASPECT_RATIO,
    MAX_BYTES,
    MAX_JPEG_PIXELS,
    MAX_PIXELS,
    ImageError,
    check_bytes,
    check_header,
    check_memory,
    is_jpeg,
    memory_needed,
    opened,
    refusal,
)

__all__ = [
    "ENDINGS",
    "MAX_ASPECT_RATIO",
    "MAX_BYTES",
    "MAX_JPEG_PIXELS",
    "MAX_PIXELS",
    "MIN_SIDE",
    "ImageError",
    "decode_image",
    "display_name",
    "encode_png",
    "pixels_sha256",
    "read_image",
]

MIN_SIDE = 32
ENDINGS = frozenset(  # how the names of image files end, in lower case: worth opening, no more; the content decides
    f".{ending}"
    for ending in (
        *("jpg", "jpeg", "jpe", "jfif", "jif", "pjpeg", "pjp", "mpo", "png", "apng", "webp"),
        *("avif", "avifs", "heic", "heics", "heif", "heifs", "hif", "bmp", "dib", "gif", "tif", "tiff"),
    )
)

_LARGE = 256 * 2**20  # bytes: images that take more are decoded one at a time
_BAND = 4_000_000  # pixels of a large image that are converted at a time
_UPRIGHT = {  # EXIF orientation to the turn that undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_one_at_a_time = threading.Lock()


def decode_image(
    data: bytes, *, name: str = "image", max_side: int = 2048, min_side: int = MIN_SIDE
) -> NDArray[np.uint8]:
    """The image in `data` as upright RGB pixels, whatever its name claims it to be.

    Of an animation or a file of several images the first is taken, transparency is laid on white, the orientation
    of EXIF is applied (of HEIC its own, beside which its EXIF only informs) and more than 8 bits become 8; colour
    profiles are ignored.

    JPEG is decoded by libjpeg at the smallest of 1/1, 1/2, 1/4 and 1/8 that is not below `max_side`, so that
    100 megapixels take little time and memory; of other formats all pixels are decoded, then scaled.

    Limits, all checked before a pixel is decoded: `MAX_BYTES`; `MAX_JPEG_PIXELS`, and `MAX_PIXELS` for the formats
    that are decoded in full; half of the memory that is free; no more pixels than a JPEG of so few bytes can hold,
    nor more passes over them than encoders make; `min_side`; `MAX_ASPECT_RATIO`.

    Args:
        data: the file's bytes, at most `MAX_BYTES`.
        name: the file's name, used in messages only and cleaned by `display_name`.
        max_side: longest side of the result in pixels, at least `MIN_SIDE`; larger images are scaled down.
        min_side: shortest side that is not refused, pixels of the file.

    Returns:
        (H, W, 3) uint8, writable. Its H and W are the size of the image for everything that follows: boxes and
        maps are in pixels of this array. The size in the file, where it was larger, is not kept; whoever has
        annotations in pixels of the file asks for a `max_side` that no file exceeds.

    Raises:
        ImageError: no image of a format that is read here, damaged, or beyond one of the limits.
        ValueError: `max_side` is under `MIN_SIDE`.
    """
    if max_side < MIN_SIDE:
        raise ValueError(f"max_side should be at least {MIN_SIDE} pixels, got {max_side}; ask for more")
    label = f"`{display_name(name)}`"
    check_bytes(len(data), label)
    with opened(data, label) as image:
        check_header(image, data, label, min_side)
        in_file, result = image.size, _fitted(image.size, max_side)
        if is_jpeg(image):  # HEIC's draft would be a thumbnail, which need not show the same
            image.draft(None, result)
        needed = memory_needed(image, data, in_file[0] * in_file[1], result, label)
        with _one_at_a_time if needed > _LARGE else nullcontext():  # threads must not fill the memory together
            check_memory(needed, label)
            try:
                image.load()  # a TIFF turns itself upright here, and forgets its orientation
                size = result if is_jpeg(image) else _fitted(image.size, max_side)
                return np.array(_upright(_shrunk(image, size), _orientation(image)))
            except Exception as error:  # decoders of damaged files raise nearly anything
                whole = f"a whole {'JPEG' if is_jpeg(image) else image.format} image"
                raise refusal(label, "is damaged or cut short", whole, "a part", "export it again") from error


def read_image(path: Path | str, *, max_side: int = 2048, min_side: int = MIN_SIDE) -> NDArray[np.uint8]:
    """The image in a file as upright RGB pixels; see `decode_image`.

    Args:
        path: the image.
        max_side: longest side of the result in pixels.
        min_side: shortest side that is not refused, pixels.

    Returns:
        (H, W, 3) uint8, writable.

    Raises:
        FileNotFoundError: there is no such file.
        ImageError: as `decode_image`.
    """
    path = Path(path)
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise FileNotFoundError(f"expected an image at {path}, found {found}; check the path")
    check_bytes(path.stat().st_size, f"`{display_name(path.name)}`")
    with path.open("rb") as file:
        return decode_image(file.read(MAX_BYTES + 1), name=path.name, max_side=max_side, min_side=min_side)


def encode_png(array: NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG file that holds exactly these pixels.

    Args:
        array: (H, W, 3) RGB or (H, W) grey, uint8.

    Raises:
        ValueError: another shape or type.
    """
    grey_or_rgb = array.ndim == 2 or (array.ndim == 3 and array.shape[2] == 3)
    if array.dtype != np.uint8 or not grey_or_rgb or array.size == 0:
        raise ValueError(
            f"expected uint8 pixels of shape (H, W, 3) or (H, W), got {array.dtype} of shape {array.shape}; "
            "scale them to 0..255 and convert first"
        )
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


def pixels_sha256(pixels: NDArray[np.uint8]) -> str:
    """Of shape and values: the name of a decoded image, whatever file it came from."""
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def display_name(name: str, *, max_length: int = 60) -> str:
    """A stranger's file name, made safe to print and, between backticks, to show as Markdown.

    Folders are dropped; letters, digits, spaces and `. _ - + ( )` stay, anything else becomes `_`. A long
    name loses its middle, so that its ending stays readable.
    """
    cleaned = re.sub(r"[^\w .()+-]", "_", re.split(r"[/\\]", name)[-1]).strip() or "image"
    if len(cleaned) <= max_length:
        return cleaned
    tail = max_length // 3
    return f"{cleaned[: max_length - tail - 1]}…{cleaned[-tail:]}"


def _unlock() -> None:
    """In a forked process nobody is left to release what another thread of its parent had locked."""
    global _one_at_a_time
    _one_at_a_time = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_unlock)


def _fitted(size: tuple[int, int], max_side: int) -> tuple[int, int]:
    scale = min(1.0, max_side / max(size))
    return round(size[0] * scale), round(size[1] * scale)


def _orientation(image: Image.Image) -> int:
    try:
        return image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # unreadable EXIF says nothing against the pixels
        return 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    """`ImageOps.exif_transpose` would rewrite all of the EXIF, and fails where a tag is malformed."""
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I;16"):  # Pillow's own conversion clips: nearly every pixel becomes white
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The image as RGB, scaled to `size` where it is larger.

    First across, in bands of rows, then down: what resizing does anyway, without a second image of full size.
    """
    if size == image.size and image.mode == "RGB" and not image.has_transparency_data:
        return image
    narrow = Image.new("RGB", (size[0], image.height))
    rows = max(1, _BAND // image.width)
    for top in range(0, image.height, rows):
        band = _rgb(image.crop((0, top, image.width, min(top + rows, image.height))))
        narrow.paste(band.resize((size[0], band.height), Image.Resampling.LANCZOS, reducing_gap=3.0), (0, top))
    return narrow if size == image.size else narrow.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
