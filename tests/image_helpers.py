"""Images for the tests of reading: a scene that no turn leaves as it is, files of it, and how a refusal is checked."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from fgcore.data.images import ImageError, decode_image

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
STORED_AS = {  # EXIF orientation to how a camera that writes it has stored the upright scene
    1: lambda pixels: pixels,
    2: np.fliplr,
    3: lambda pixels: np.rot90(pixels, 2),
    4: np.flipud,
    5: lambda pixels: pixels.transpose(1, 0, 2),
    6: np.rot90,
    7: lambda pixels: np.rot90(pixels, 2).transpose(1, 0, 2),
    8: lambda pixels: np.rot90(pixels, -1),
}


def scene(width=96, height=64):
    """Quarters red, green, blue and white: no two turns of it look alike."""
    pixels = np.full((height, width, 3), 255, np.uint8)
    top, left = height // 2, width // 2
    pixels[:top, :left], pixels[:top, left:], pixels[top:, :left] = RED, GREEN, BLUE
    return pixels


def encoded(image, kind, **options):
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind, **options)
    return buffer.getvalue()


def assert_shows(pixels, expected, tolerance=6):
    assert pixels.dtype == np.uint8
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected.astype(int)).mean() < tolerance


def refusal(data, **options):
    with pytest.raises(ImageError) as caught:
        decode_image(data, **options)
    sentence = str(caught.value)
    assert "expected" in sentence
    assert "got" in sentence
    assert "; " in sentence
    assert "\n" not in sentence
    return sentence


def png_header(width, height):
    """A PNG that claims a size and holds next to nothing."""

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 64))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + pixels + chunk(b"IEND", b"")
