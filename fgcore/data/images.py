"""Pictures from strangers: decoded with care, or refused with one sentence that tells the way out."""

import hashlib
import io
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF")  # Pillow's others include Ghostscript's EPS
MAX_BYTES = 64 * 2**20
MAX_PIXELS = 40_000_000  # 120 MB once decoded to RGB
MIN_SIDE = 32
MAX_ASPECT_RATIO = 20

_READABLE = "JPEG, PNG, WEBP, AVIF, BMP, GIF or TIFF"
_STRANGERS = (  # what people send instead: pattern at the start of the file, its name
    (rb"....ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)", "a HEIC photo"),
    (rb"(....JXL |\xff\x0a)", "a JPEG XL picture"),
    (rb"(....jP  |\xff\x4f\xff\x51)", "a JPEG 2000 picture"),
    (rb"\s*(<\?xml.*|<!--.*)?<svg", "an SVG drawing"),
    (rb"%PDF", "a PDF document"),
    (rb"PK\x03\x04", "a ZIP archive"),
    (rb"[\s\x20-\x7e]+\Z", "text"),
)
_UPRIGHT = {  # EXIF orientation to the turn that undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class ImageError(ValueError):
    """A picture that was refused; its message is one sentence fit for the person who sent it."""


def decode_image(
    data: bytes, *, name: str = "image", max_side: int = 2048, min_side: int = MIN_SIDE
) -> NDArray[np.uint8]:
    """The picture in `data` as upright RGB pixels, whatever its name claims it to be.

    Of an animation the first frame is taken, transparency is laid on white, EXIF orientation is applied and
    16-bit grey becomes 8-bit; colour profiles are ignored.

    Args:
        data: the file's bytes, at most `MAX_BYTES`.
        name: the file's name, used in messages only and cleaned by `display_name`.
        max_side: longest side of the result in pixels, at least `MIN_SIDE`; larger pictures are scaled down.
        min_side: shortest side that is not refused, pixels.

    Returns:
        (H, W, 3) uint8, writable.

    Raises:
        ImageError: not one of `FORMATS`, damaged, more than `MAX_BYTES` or `MAX_PIXELS`, a side under
            `min_side`, or sides further apart than `MAX_ASPECT_RATIO` to 1.
        ValueError: `max_side` is under `MIN_SIDE`.
    """
    if max_side < MIN_SIDE:
        raise ValueError(f"max_side should be at least {MIN_SIDE} pixels, got {max_side}; ask for more")
    label = f"`{display_name(name)}`"
    _check_bytes(data, label)
    with _open(data, label) as image:
        _check_header(image, label, min_side)
        try:
            image.draft("RGB", _fitted(image.size, max_side))  # JPEG decodes to 1/2, 1/4 or 1/8 by itself
            image.load()  # a TIFF turns itself upright here, and forgets its orientation
            return np.array(_upright(_shrunk(_rgb(image), max_side), _orientation(image)))
        except Exception as error:  # decoders of damaged files raise nearly anything
            whole = f"a whole {image.format} picture"
            raise _refusal(label, "is damaged or cut short", whole, "a part", "export it again") from error


def read_image(path: Path | str, *, max_side: int = 2048, min_side: int = MIN_SIDE) -> NDArray[np.uint8]:
    """The picture in a file as upright RGB pixels; see `decode_image`.

    Args:
        path: the picture.
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
        raise FileNotFoundError(f"expected a picture at {path}, found {found}; check the path")
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
    """Of shape and values: the name of a decoded picture, whatever file it came from."""
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


def _refusal(label: str, problem: str, expected: str, got: str, way_out: str) -> ImageError:
    return ImageError(f"{label} {problem}: expected {expected}, got {got}; {way_out}.")


def _too_many_pixels(label: str, got: str) -> ImageError:
    limit = f"at most {MAX_PIXELS // 1_000_000} megapixels"
    return _refusal(label, "has too many pixels", limit, got, "save a smaller copy")


def _check_bytes(data: bytes, label: str) -> None:
    if not data:
        raise _refusal(label, "is empty", f"a picture ({_READABLE})", "0 bytes", "choose another file")
    if len(data) > MAX_BYTES:
        limit = f"at most {MAX_BYTES // 2**20} MB"
        raise _refusal(label, "is too large a file", limit, "more", "save a smaller copy")


def _open(data: bytes, label: str) -> Image.Image:
    """The picture with only its header read."""
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(label, "several times that") from error
    except UnidentifiedImageError as error:
        problem, way_out = "is not a picture that can be read here", "save it as JPEG or PNG and try again"
        raise _refusal(label, problem, _READABLE, _guess(data), way_out) from error
    except Exception as error:  # a damaged header breaks its parser in many ways
        problem, way_out = "has a damaged header", "export it again as JPEG or PNG"
        raise _refusal(label, problem, f"a picture ({_READABLE})", "a broken one", way_out) from error


def _guess(data: bytes) -> str:
    head = data[:1024]
    kinds = (kind for pattern, kind in _STRANGERS if re.match(pattern, head, re.DOTALL))
    return next(kinds, "something else")


def _check_header(image: Image.Image, label: str, min_side: int) -> None:
    """Refuse by size and pixel type before a single pixel is decoded."""
    width, height = image.size
    got = f"{width} x {height} pixels"
    if width * height > MAX_PIXELS:
        raise _too_many_pixels(label, got)
    if min(width, height) < min_side:
        limit = f"at least {min_side} pixels a side"
        raise _refusal(label, "is too small", limit, got, "choose a larger picture")
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        limit = f"sides within {MAX_ASPECT_RATIO} to 1"
        raise _refusal(label, "is too long and thin", limit, got, "crop it closer to its subject")
    if image.mode in ("I", "F"):  # no telling which value is white
        limit = "8 or 16 bits a channel"
        raise _refusal(label, "has measurements for pixels", limit, "32 bits", "save it as an 8-bit PNG")


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


def _shrunk(image: Image.Image, max_side: int) -> Image.Image:
    size = _fitted(image.size, max_side)
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
