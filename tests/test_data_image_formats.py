"""HEIC, the names that image files go by, and what looks like an image of ours but is not."""

import io
import sys

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from fgcore.data.images import ENDINGS, decode_image, read_image
from image_helpers import BLUE, STORED_AS, assert_shows, encoded, refusal, scene

pillow_heif.register_heif_opener()
OURS = {"JPEG", "MPO", "PNG", "WEBP", "AVIF", "HEIF", "BMP", "DIB", "GIF", "TIFF"}


def turned_heic(orientation, own):
    """A HEIC whose pixels lie as `orientation` says in its EXIF, and in its own transformation if `own`."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(STORED_AS[orientation](scene()))
    data = encoded(stored, "HEIF", exif=exif.tobytes() if own else exif)  # pillow-heif adds its own to bytes only
    assert (b"irot" in data or b"imir" in data) == (own and orientation > 1)
    return data


@pytest.mark.parametrize("orientation", STORED_AS)
def test_a_heic_photo_taken_sideways_arrives_upright_once(orientation):
    assert_shows(decode_image(turned_heic(orientation, own=True)), scene())


@pytest.mark.parametrize("orientation", STORED_AS)
def test_exif_alone_turns_no_heic(orientation):
    assert_shows(decode_image(turned_heic(orientation, own=False)), STORED_AS[orientation](scene()))


def test_a_large_heic_is_scaled_from_its_own_pixels_and_not_from_its_thumbnail(monkeypatch):
    monkeypatch.setattr(pillow_heif.HeifImageFile, "draft", lambda *_: pytest.fail("took the thumbnail"))
    heif = pillow_heif.from_pillow(Image.fromarray(scene(960, 640)))
    buffer = io.BytesIO()
    heif.save(buffer, thumbnails=[256])
    assert_shows(decode_image(buffer.getvalue(), max_side=96), scene())


def test_a_heic_of_several_images_shows_its_primary_one():
    file = pillow_heif.HeifFile()
    for pixels in (scene()[::-1].copy(), scene()):
        file.add_from_pillow(Image.fromarray(pixels))
    buffer = io.BytesIO()
    file.save(buffer, primary_index=1)
    assert_shows(decode_image(buffer.getvalue()), scene())


def test_what_is_transparent_in_a_heic_becomes_white():
    assert decode_image(encoded(Image.new("RGBA", (64, 64), (255, 0, 0, 0)), "HEIF", quality=-1)).min() > 250


def test_ten_bits_of_a_heic_become_eight():
    values = np.full((64, 64, 3), 1000 << 6, np.uint16)  # of 1023, in the upper bits
    file = pillow_heif.from_bytes("RGB;16", (64, 64), values.tobytes())
    buffer = io.BytesIO()
    file.save(buffer, quality=-1)
    np.testing.assert_allclose(decode_image(buffer.getvalue()).astype(int), 249, atol=2)


def test_a_heic_cut_in_half_is_refused():
    noise = np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8)
    data = encoded(noise, "HEIF")
    refusal(data[: len(data) // 2])
    refusal(data[:40])


def test_pillow_heif_is_needed_for_heic_only_and_the_sentence_says_what_to_install(monkeypatch):
    png, heic = encoded(scene(), "PNG"), encoded(scene(), "HEIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    assert_shows(decode_image(png), scene())
    assert "install pillow-heif, or save it as JPEG" in refusal(heic)


def test_every_ending_that_pillow_knows_for_these_formats_is_one_of_ours():
    Image.init()
    known = {ending for ending, kind in Image.registered_extensions().items() if kind in OURS}
    assert {".jpg", ".jfif", ".jpe", ".heic", ".hif", ".tiff"} <= known <= ENDINGS


@pytest.mark.parametrize("ending", sorted(ENDINGS))
def test_a_file_is_read_by_its_content_whatever_it_ends_with(tmp_path, ending):
    path = tmp_path / f"wren{ending}"
    path.write_bytes(encoded(scene(), "PNG"))
    np.testing.assert_array_equal(read_image(path), scene())


def test_the_photo_of_a_phone_with_a_second_image_behind_it_is_turned_once():
    exif = Image.Exif()
    exif[0x0112] = 6
    stored, other = np.ascontiguousarray(STORED_AS[6](scene())), Image.new("RGB", (64, 96), BLUE)
    data = encoded(stored, "MPO", save_all=True, append_images=[other], exif=exif)
    assert Image.open(io.BytesIO(data)).n_frames == 2
    assert_shows(decode_image(data), scene())


@pytest.mark.parametrize("tag", [{254: 1}, {50706: b"\1\4\0\0"}], ids=["preview", "DNG"])
def test_the_preview_in_a_cameras_raw_file_does_not_pass_for_the_photo(tag):
    assert "got a camera's raw file; develop it and save it as JPEG" in refusal(encoded(scene(), "TIFF", tiffinfo=tag))


def test_colours_that_cannot_be_converted_are_named():
    assert "has colours that cannot be read: expected RGB, grey, CMYK or a palette, got LAB" in refusal(
        encoded(Image.new("LAB", (64, 64)), "TIFF")
    )
