"""What is refused of an image file before one of its pixels is decoded, each time with one sentence."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
from PIL import Image, UnidentifiedImageError

MAX_BYTES = 384 * 2**20  # room for 100 megapixels as an uncompressed TIFF, or as a PNG of a noisy photograph
MAX_JPEG_PIXELS = 220_000_000  # the largest sensors of phones have 200 million; JPEG is decoded at a reduced scale
MAX_PIXELS = 120_000_000  # of every other format: all pixels have to be decoded, 480 MB as RGB
MAX_SCANS = 30  # of a progressive JPEG, all pixels each time; encoders write about ten
MAX_ASPECT_RATIO = 20
READABLE = "JPEG, PNG, WEBP, AVIF, HEIC, BMP, GIF or TIFF"

Image.MAX_IMAGE_PIXELS = MAX_JPEG_PIXELS  # Pillow warns above it and refuses twice as many by itself

_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF")  # Pillow's others include Ghostscript's EPS
_HEIF = re.compile(rb"....ftyp(hei[cmsx]|hev[cmsx]|mif1|msf1)", re.DOTALL)
_BROKEN = "that is damaged or of a rare kind"
_STRANGERS = (  # what people send instead: pattern at the start of the file, its name
    (rb"II\*\0....CR|II[RU][OS\0]|FUJIFILMCCD-RAW|....ftypcrx", "a camera's raw file"),
    (rb"(....JXL |\xff\x0a)", "a JPEG XL image"),
    (rb"(....jP  |\xff\x4f\xff\x51)", "a JPEG 2000 image"),
    (rb"....ftyp(isom|mp4|qt  |M4V)", "a video"),
    (rb"\s*(<\?xml.*|<!--.*)?<svg", "an SVG drawing"),
    (rb"%PDF", "a PDF document"),
    (rb"8BPS", "a Photoshop file"),
    (rb"PK\x03\x04", "a ZIP archive"),
    (rb"version https://git-lfs", "a pointer of Git LFS, whose file was not downloaded"),
    (rb"\s*<(!doctype html|html)", "a web page"),
    (rb"[\s\x20-\x7e]+\Z", "text"),
    (_HEIF.pattern, f"a HEIC image {_BROKEN}"),
    (rb"\xff\xd8\xff", f"a JPEG {_BROKEN}"),
    (rb"\x89PNG", f"a PNG {_BROKEN}"),
    (rb"RIFF....WEBP", f"a WEBP image {_BROKEN}"),
    (rb"....ftypavi[fs]", f"an AVIF image {_BROKEN}"),
    (rb"GIF8", f"a GIF {_BROKEN}"),
    (rb"BM", f"a BMP {_BROKEN}"),
    (rb"II\*\0|MM\0\*|II\+\0|MM\0\+", f"a TIFF {_BROKEN}"),
)
_COLOURS = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "RGBa", "La", "CMYK", "YCbCr", "HSV"}
_TIFF_SUBFILE, _DNG_VERSION = 254, 50706  # tags: "this is a reduced copy of another image", "this is a raw file"
_JPEG_PIXELS_PER_BYTE = 512  # at most: a block of 64 takes one bit of a progressive file, or two of another
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_SCAN, _END = 0xDA, 0xD9
_DECODER_BYTES = {"JPEG": 4, "MPO": 4, "PNG": 5, "BMP": 5, "GIF": 5, "TIFF": 9, "WEBP": 17, "AVIF": 12, "HEIF": 16}
_CONTAINER = {  # where Linux tells what a container may take, in its newer and its older way
    "/sys/fs/cgroup": ("memory.max", "memory.current", "inactive_file"),
    "/sys/fs/cgroup/memory": ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
}
_SMALL = 64 * 2**20  # bytes that are taken without asking


class ImageError(ValueError):
    """An image that was refused; its message is one sentence fit for the person who sent it."""


def refusal(label: str, problem: str, expected: str, got: str, way_out: str) -> ImageError:
    """The sentence."""
    return ImageError(f"{label} {problem}: expected {expected}, got {got}; {way_out}.")


def check_bytes(size: int, label: str) -> None:
    """Refuse an empty file and one of more than `MAX_BYTES`."""
    if not size:
        raise refusal(label, "is empty", f"an image ({READABLE})", "0 bytes", "choose another file")
    if size > MAX_BYTES:
        limit = f"at most {MAX_BYTES // 2**20} MB"
        raise refusal(label, "is too large a file", limit, "more", "save a smaller copy")


def opened(data: bytes, label: str) -> Image.Image:
    """The image with only its header read; HEIC through pillow-heif, which is not imported before it is needed."""
    formats = _FORMATS
    if _HEIF.match(data):
        _register_heif(label)
        formats = (*_FORMATS, "HEIF")
    try:
        return Image.open(io.BytesIO(data), formats=formats)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels(label, MAX_PIXELS, "several times that") from error
    except UnidentifiedImageError as error:
        problem, way_out = "is not an image that can be read here", "save it as JPEG or PNG and try again"
        raise refusal(label, problem, READABLE, _guess(data), way_out) from error
    except Exception as error:  # a damaged header breaks its parser in many ways
        problem, way_out = "has a damaged header", "export it again as JPEG or PNG"
        raise refusal(label, problem, f"an image ({READABLE})", "a broken one", way_out) from error


def check_header(image: Image.Image, data: bytes, label: str, min_side: int) -> None:
    """Refuse by size, shape and pixel type."""
    width, height = image.size
    got = f"{width} x {height} pixels"
    limit = MAX_JPEG_PIXELS if is_jpeg(image) else MAX_PIXELS
    if width * height > limit:
        raise _too_many_pixels(label, limit, got)
    if min(width, height) < min_side:
        least = f"at least {min_side} pixels a side"
        raise refusal(label, "is too small", least, got, "choose a larger image")
    if max(width, height) > MAX_ASPECT_RATIO * min(width, height):
        shape = f"sides within {MAX_ASPECT_RATIO} to 1"
        raise refusal(label, "is too long and thin", shape, got, "crop it closer to its subject")
    if image.mode in ("I", "F"):  # no telling which value is white
        bits = "8 or 16 bits a channel"
        raise refusal(label, "has measurements for pixels", bits, "32 bits", "save it as an 8-bit PNG")
    if image.mode not in _COLOURS and not image.mode.startswith("I;16"):
        colours = "RGB, grey, CMYK or a palette"
        raise refusal(label, "has colours that cannot be read", colours, image.mode, "save it as RGB")
    if is_jpeg(image) and width * height > _JPEG_PIXELS_PER_BYTE * len(data):
        whole = f"{width * height // _JPEG_PIXELS_PER_BYTE} bytes or more for {got}"
        raise refusal(label, "is damaged or cut short", whole, str(len(data)), "export it again")
    if image.format == "TIFF" and _is_raw(image):
        problem = "holds only a preview that can be read here"
        raise refusal(label, problem, READABLE, "a camera's raw file", "develop it and save it as JPEG")


def is_jpeg(image: Image.Image) -> bool:
    """True where libjpeg can decode at a reduced scale. Phones write MPO: JPEG with more images behind the first."""
    return image.format in ("JPEG", "MPO")


def memory_needed(image: Image.Image, data: bytes, pixels: int, result: tuple[int, int], label: str) -> int:
    """Bytes that decoding takes at its height, from measurements.

    Args:
        image: opened and reduced by `Image.draft`, not decoded.
        data: its file.
        pixels: of the file, before `Image.draft`.
        result: width and height that the decoded image will be scaled to.
        label: the file, for messages.

    Raises:
        ImageError: a JPEG with more than `MAX_SCANS` passes.
    """
    decoder = image.size[0] * image.size[1] * _DECODER_BYTES.get(image.format or "", 16)
    scaled = result[0] * image.size[1] * 4 + result[0] * result[1] * 6
    return decoder + scaled + (_jpeg_coefficients(image, data, pixels, label) if is_jpeg(image) else 0)


def check_memory(needed: int, label: str) -> None:
    """Refuse what would take more than half of the memory that is free."""
    if needed > _SMALL and needed > (free := free_memory()) / 2:
        limit = f"an image that takes at most half of the {free >> 20} MB of memory that are free"
        got = f"one that takes about {needed >> 20} MB to decode"
        raise refusal(label, "does not fit into memory", limit, got, "save a smaller copy")


def free_memory() -> int:
    """Bytes that this process can still take: of the machine, and of the container that it may run in."""
    free = psutil.virtual_memory().available
    for folder, names in _CONTAINER.items():
        try:
            limit, used = (int(Path(folder, name).read_text()) for name in names[:2])
            cached = re.search(rf"^{names[2]} (\d+)", Path(folder, "memory.stat").read_text(), re.MULTILINE)
        except (OSError, ValueError):  # another system, or "max"
            continue
        free = min(free, max(limit - used + int(cached[1] if cached else 0), 0))
    return free


def _jpeg_coefficients(image: Image.Image, data: bytes, pixels: int, label: str) -> int:
    """Bytes that libjpeg keeps of the whole image at once: none, where one pass over the file is enough."""
    in_first_scan = next((data[start + 2] for code, start in _jpeg_markers(data) if code == _SCAN), 0)
    if "progressive" not in image.info and in_first_scan == image.layers:
        return 0
    if data.count(b"\xff\xda") > MAX_SCANS:  # thumbnails and videos behind the image have some too
        scans = sum(code == _SCAN for code, _ in _jpeg_markers(data))
        if scans > MAX_SCANS:
            raise refusal(label, "is damaged", f"at most {MAX_SCANS} passes", str(scans), "export it again")
    widest = max(across for _, across, _, _ in image.layer) * max(down for _, _, down, _ in image.layer)
    return 2 * pixels * sum(across * down for _, across, down, _ in image.layer) // widest


def _is_raw(image: Image.Image) -> bool:
    """True for a TIFF whose first image is a preview of a camera's raw data."""
    try:
        return _DNG_VERSION in image.tag_v2 or image.tag_v2.get(_TIFF_SUBFILE, 0) == 1
    except Exception:  # unreadable tags say nothing against the pixels
        return False


def _jpeg_markers(data: bytes) -> Iterator[tuple[int, int]]:
    """Code of each marker of the first image in the file, and the position behind it."""
    position = 2
    while match := _JPEG_MARKER.search(data, position):
        code, position = match[0][1], match.end()
        if code == _END or len(data) < position + 3:
            return
        yield code, position
        position += int.from_bytes(data[position : position + 2], "big")


def _register_heif(label: str) -> None:
    try:
        import pillow_heif
    except ImportError as error:
        way_out = "install pillow-heif, or save it as JPEG and try again"
        raise refusal(label, "cannot be read here", "the package pillow-heif for HEIC", "none", way_out) from error
    pillow_heif.register_heif_opener()


def _too_many_pixels(label: str, limit: int, got: str) -> ImageError:
    return refusal(label, "has too many pixels", f"at most {limit // 1_000_000} megapixels", got, "save a smaller copy")


def _guess(data: bytes) -> str:
    head = data[:1024]
    kinds = (kind for pattern, kind in _STRANGERS if re.match(pattern, head, re.DOTALL | re.IGNORECASE))
    return next(kinds, "something else")
