"""What strangers send: good pictures arrive upright in RGB, the rest is refused in one sentence."""

import io
import struct

import numpy as np
import pytest
from PIL import Image, features

from fgcore.data.images import (
    MAX_BYTES,
    ImageError,
    decode_image,
    display_name,
    encode_png,
    pixels_sha256,
    read_image,
)
from image_helpers import BLUE, RED, STORED_AS, WHITE, assert_shows, encoded, png_header, refusal, scene


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "MPO", "HEIF"])
def test_every_promised_format_is_read(kind):
    if kind in {"AVIF", "WEBP"} and not features.check(kind.lower()):
        pytest.skip(f"this build of Pillow has no {kind}: install the wheel from PyPI to run this test")
    assert_shows(decode_image(encoded(scene(), kind)), scene())


def test_the_content_decides_and_not_the_file_name(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(encoded(scene(), "PNG"))
    np.testing.assert_array_equal(read_image(path), scene())


def test_the_pixels_belong_to_the_caller():
    pixels = decode_image(encoded(scene(), "PNG"))
    pixels[0, 0] = WHITE
    assert tuple(pixels[0, 0]) == WHITE


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("L", "JPEG"), ("L", "PNG"), ("1", "PNG"), ("P", "PNG"), ("CMYK", "JPEG"), ("CMYK", "TIFF")],
)
def test_other_colour_models_become_rgb(mode, kind):
    image = Image.fromarray(scene()).convert(mode, dither=Image.Dither.NONE)
    assert_shows(decode_image(encoded(image, kind)), np.asarray(image.convert("RGB")))


def test_cmyk_red_stays_red():
    image = Image.new("CMYK", (64, 64), (0, 255, 255, 0))
    assert_shows(decode_image(encoded(image, "JPEG")), np.full((64, 64, 3), RED, np.uint8))


@pytest.mark.parametrize(("mode", "see_through"), [("RGBA", (0, 0, 0, 0)), ("LA", (0, 0))])
def test_what_is_transparent_becomes_white(mode, see_through):
    pixels = decode_image(encoded(Image.new(mode, (40, 40), see_through), "PNG"))
    np.testing.assert_array_equal(pixels, 255)


def test_half_transparent_red_on_white_is_pink():
    pixels = decode_image(encoded(Image.new("RGBA", (40, 40), (255, 0, 0, 128)), "PNG"))
    np.testing.assert_allclose(pixels[0, 0].astype(int), (255, 127, 127), atol=1)


def test_a_transparent_palette_colour_becomes_white_and_the_others_stay():
    image = Image.new("P", (40, 40), 0)
    image.putpalette([0, 0, 0, *BLUE])
    image.paste(1, (0, 0, 40, 20))
    pixels = decode_image(encoded(image, "PNG", transparency=0))
    assert tuple(pixels[0, 0]) == BLUE
    assert tuple(pixels[39, 0]) == WHITE


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_shades(kind):
    shades = np.arange(256, dtype=np.uint16).repeat(40).reshape(256, 40) * 257  # 0..65535
    pixels = decode_image(encoded(shades, kind))
    np.testing.assert_array_equal(pixels[:, 0, 0], np.arange(256))


def test_big_endian_sixteen_bit_grey_keeps_its_shades():
    image = Image.frombytes("I;16B", (40, 40), struct.pack(">H", 100 * 257) * 1600)
    np.testing.assert_array_equal(decode_image(encoded(image, "TIFF")), 100)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_thirty_two_bit_grey_is_refused_because_its_white_is_unknown(mode):
    assert "got 32 bits" in refusal(encoded(Image.new(mode, (40, 40)), "TIFF"))


@pytest.mark.parametrize("orientation", STORED_AS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_taken_sideways_arrives_upright(kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.ascontiguousarray(STORED_AS[orientation](scene()))
    assert_shows(decode_image(encoded(stored, kind, exif=exif)), scene())


@pytest.mark.parametrize("orientation", STORED_AS)
def test_a_tiff_is_turned_once_and_not_twice(orientation):
    stored = np.ascontiguousarray(STORED_AS[orientation](scene()))
    assert_shows(decode_image(encoded(stored, "TIFF", tiffinfo={0x0112: orientation})), scene())


def test_broken_exif_does_not_cost_the_picture():
    data = encoded(scene(), "PNG", exif=b"neither MM nor II")
    with pytest.raises(SyntaxError):
        Image.open(io.BytesIO(data)).getexif()
    assert_shows(decode_image(data), scene())


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_an_animation_gives_its_first_frame(kind):
    frames = [Image.new("RGB", (40, 40), colour) for colour in (BLUE, RED)]
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], lossless=True)
    assert Image.open(io.BytesIO(data)).n_frames == 2
    np.testing.assert_array_equal(decode_image(data), np.full((40, 40, 3), BLUE, np.uint8))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_large_picture_is_scaled_down_and_keeps_its_shape(kind):
    assert_shows(decode_image(encoded(scene(960, 640), kind), max_side=96), scene())


def test_a_small_picture_is_never_enlarged():
    assert decode_image(encoded(scene(), "PNG"), max_side=4096).shape == (64, 96, 3)


def test_a_max_side_below_the_smallest_picture_is_an_error():
    with pytest.raises(ValueError, match="max_side should be at least 32 pixels, got 8"):
        decode_image(encoded(scene(), "PNG"), max_side=8)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF"])
def test_a_picture_cut_in_half_is_refused(kind):
    noise = np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8)
    data = encoded(noise, kind)
    assert "`half.img`" in refusal(data[: len(data) // 2], name="half.img")


def test_a_truncated_jpeg_is_called_cut_short():
    data = encoded(scene(480, 320), "JPEG")
    assert "is damaged or cut short: expected a whole JPEG image" in refusal(data[:-500])


def test_an_empty_file_is_refused():
    assert "is empty" in refusal(b"")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"Dear diary,\ntoday I saw a wren.\n", "text"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64), "a HEIC image that is damaged or of a rare kind"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(64), "a JPEG XL image"),
        (b"%PDF-1.7\n\xe2\xe3", "a PDF document"),
        (b"PK\x03\x04" + bytes(64), "a ZIP archive"),
        (b"<!DOCTYPE html><html>Not found</html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS, whose file was not downloaded"),
        (b"\0\0\0\x18ftypmp42" + bytes(64), "a video"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(64), "a camera's raw file"),
        (b"\xff\xd8\xff\xe0" + bytes(64), "a JPEG that is damaged or of a rare kind"),
        (bytes(range(1, 9)) * 40, "something else"),
    ],
)
def test_what_is_no_picture_is_named_and_refused(data, kind):
    sentence = refusal(data, name="photo.jpg")
    assert f"got {kind}; save it as JPEG or PNG" in sentence


@pytest.mark.parametrize("kind", ["PPM", "EPS", "ICO", "TGA", "PCX", "JPEG2000"])
def test_formats_outside_the_list_are_refused_although_pillow_reads_them(kind):
    assert "is not an image that can be read here" in refusal(encoded(scene(), kind))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [11_000, 30_000, 60_000])
def test_decompression_bombs_are_refused(side):
    assert "has too many pixels" in refusal(png_header(side, side))


@pytest.mark.parametrize("size", [(1, 1), (31, 400), (5000, 2)])
def test_a_picture_with_a_tiny_side_is_refused(size):
    assert f"at least 32 pixels a side, got {size[0]} x {size[1]}" in refusal(encoded(scene(*size), "PNG"))


def test_a_thin_strip_is_refused_and_twenty_to_one_is_still_fine():
    assert "within 20 to 1, got 641 x 32" in refusal(encoded(scene(641, 32), "PNG"))
    assert decode_image(encoded(scene(640, 32), "PNG")).shape == (32, 640, 3)


def test_a_file_of_too_many_bytes_is_refused_unread(tmp_path):
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.write(encoded(scene(), "PNG"))
        file.truncate(MAX_BYTES + 1)  # sparse: takes no room on the disk
    with pytest.raises(ImageError, match=r"`huge\.png` is too large a file: expected at most 384 MB"):
        read_image(path)


def test_a_missing_file_and_a_folder_are_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError, match="found nothing"):
        read_image(tmp_path / "wren.png")
    with pytest.raises(FileNotFoundError, match="found a folder"):
        read_image(tmp_path)


def test_a_hostile_file_name_is_harmless_in_the_message():
    sentence = refusal(b"", name="../../etc/![x](http:)`<b>\u202e\x1b[31m\n$a$.png")
    assert sentence.startswith("`__x_(http_)__b____31m__a_.png` is empty")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("my wren (1).jpg", "my wren (1).jpg"),
        ("Zaunkönig-鷦鷯.png", "Zaunkönig-鷦鷯.png"),
        ("C:\\fakepath\\wren.jpg", "wren.jpg"),
        ("", "image"),
        ("folder/", "image"),
    ],
)
def test_ordinary_file_names_are_shown_as_they_are(name, shown):
    assert display_name(name) == shown


def test_a_long_file_name_keeps_its_ending():
    shown = display_name("a" * 300 + ".tiff")
    assert len(shown) == 60
    assert shown.endswith("aaa.tiff")


@pytest.mark.parametrize("pixels", [scene(), scene()[..., 0]])
def test_png_holds_exactly_the_pixels_it_was_given(pixels):
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encode_png(pixels)))), pixels)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((4, 4, 3)), np.zeros((4, 4, 4), np.uint8), np.zeros(4, np.uint8), np.zeros((0, 4), np.uint8)],
)
def test_png_of_anything_but_8_bit_pixels_is_an_error(pixels):
    with pytest.raises(ValueError, match="expected uint8 pixels of shape"):
        encode_png(pixels)


def test_images_that_differ_in_one_pixel_have_another_key():
    picture = np.zeros((700, 800, 3), np.uint8)
    other = picture.copy()
    other[350, 400, 1] = 1
    assert pixels_sha256(picture) != pixels_sha256(other)
    assert pixels_sha256(picture) != pixels_sha256(picture.reshape(800, 700, 3))
