"""Large photographs are read in little time and memory; what only pretends to be large is refused before decoding."""

import multiprocessing
import os
import resource
import struct
import sys
import threading
import time

import numpy as np
import psutil
import pytest
from PIL import Image

from fgcore.data import image_checks, images
from fgcore.data.images import MAX_JPEG_PIXELS, MAX_PIXELS, decode_image, read_image
from image_helpers import STORED_AS, assert_shows, encoded, png_header, refusal, scene

CAN_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks: run it on Linux or macOS")


def _measure(path, answer):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # of this process alone, at its height
    pixels = read_image(path)
    answer.send((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, pixels.shape, pixels[20, 20]))


def megabytes(path):
    """(MB that a process of its own took at its height to read the file, shape, colour near the top left)."""
    fork = multiprocessing.get_context("fork")
    here, there = fork.Pipe()
    child = fork.Process(target=_measure, args=(path, there))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    peak, shape, corner = here.recv()
    return peak / (2**20 if sys.platform == "darwin" else 2**10), shape, corner


def jpeg_header(width, height, **options):
    """A whole JPEG of 64 x 64 pixels that claims another size."""
    data = bytearray(encoded(scene(64, 64), "JPEG", **options))
    frame = next(at for code in (b"\xff\xc0", b"\xff\xc2") if (at := data.find(code)) > 0)
    data[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    return bytes(data)


@pytest.fixture(scope="module")
def camera_scene():
    """45 megapixels, as full-frame cameras store them."""
    return Image.fromarray(scene(8192, 5464))


@CAN_FORK
def test_a_45_megapixel_photo_is_read_in_little_memory(tmp_path, camera_scene):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise: blue comes to the top left
    camera_scene.save(tmp_path / "a.jpg", exif=exif)
    peak, shape, corner = megabytes(tmp_path / "a.jpg")
    assert shape == (2048, 1366, 3)
    np.testing.assert_allclose(corner, (0, 0, 255), atol=4)
    assert peak < 100  # all pixels would take 180


@CAN_FORK
def test_a_100_megapixel_photo_is_read_in_little_memory(tmp_path):
    Image.new("RGB", (11648, 8736), (200, 30, 60)).save(tmp_path / "a.jpg")
    peak, shape, corner = megabytes(tmp_path / "a.jpg")
    assert shape == (1536, 2048, 3)
    np.testing.assert_allclose(corner, (200, 30, 60), atol=4)
    assert peak < 150


@pytest.mark.parametrize("orientation", STORED_AS)
@pytest.mark.parametrize("options", [{}, {"progressive": True}], ids=["baseline", "progressive"])
def test_what_libjpeg_reduces_arrives_upright_and_equals_the_scaled_whole(orientation, options):
    exif = Image.Exif()
    exif[0x0112] = orientation
    large = scene(1000, 700)
    stored = np.ascontiguousarray(STORED_AS[orientation](large))
    expected = np.asarray(Image.fromarray(large).resize((96, 67), Image.Resampling.LANCZOS))
    assert_shows(decode_image(encoded(stored, "JPEG", exif=exif, **options), max_side=96), expected, tolerance=3)


@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "RGB"), ("JPEG", "L"), ("JPEG", "CMYK"), ("MPO", "RGB"), ("MPO", "L")]
)
def test_other_jpegs_are_reduced_too(monkeypatch, kind, mode):
    decoded = []
    shrunk = images._shrunk
    monkeypatch.setattr(images, "_shrunk", lambda image, side: decoded.append(image.size) or shrunk(image, side))
    image = Image.fromarray(scene(1000, 700)).convert(mode)
    more = {"save_all": True, "append_images": [image.rotate(180)]} if kind == "MPO" else {}
    expected = np.asarray(image.convert("RGB").resize((100, 70)))
    assert_shows(decode_image(encoded(image, kind, **more), max_side=100), expected)
    assert decoded == [(125, 88)]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "L", "P", "1", "CMYK", "I;16"])
@pytest.mark.parametrize("max_side", [75, 10_000])
def test_conversion_in_bands_gives_the_pixels_of_conversion_at_once(monkeypatch, mode, max_side):
    noise = np.random.default_rng(0).integers(0, 256, (170, 230, 3), dtype=np.uint8)
    if mode == "I;16":
        image = Image.fromarray(noise[..., 0].astype(np.uint16) * 257)
    else:
        image = Image.fromarray(noise).convert(mode)
    if mode in ("RGBA", "LA"):
        image.putalpha(Image.fromarray(noise[..., 1]))
    whole = images._rgb(image)
    if max_side < 230:
        whole = whole.resize((75, 55), Image.Resampling.LANCZOS, reducing_gap=3.0)
    monkeypatch.setattr(images, "_BAND", 230 * 13)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    np.testing.assert_array_equal(decode_image(encoded(image, kind), max_side=max_side), np.asarray(whole))


@CAN_FORK
def test_a_45_megapixel_png_is_scaled_without_a_second_copy(tmp_path, camera_scene):
    camera_scene.convert("RGBA").save(tmp_path / "a.png", compress_level=1, compress_type=3)
    peak, shape, corner = megabytes(tmp_path / "a.png")
    assert shape == (1366, 2048, 3)
    assert tuple(corner) == (255, 0, 0)
    assert peak < 330  # 171 decoded; conversion at once would take 680


@pytest.mark.parametrize("size", [(12_000, 10_001), (31_623, 31_623)])
def test_a_header_that_claims_too_many_pixels_is_refused_before_decoding(size):
    sentence = refusal(png_header(*size))  # decoding would report a damaged image instead
    assert "has too many pixels: expected at most 120 megapixels, got" in sentence
    assert MAX_PIXELS == 12_000 * 10_000


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_jpeg_may_have_the_pixels_of_the_largest_sensors_and_no_more():
    assert MAX_JPEG_PIXELS > 16_320 * 12_240
    assert "at most 220 megapixels, got 15000 x 15000" in refusal(jpeg_header(15_000, 15_000))
    assert "is too long and thin" in refusal(jpeg_header(65_000, 64))


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_a_jpeg_of_more_pixels_than_its_bytes_can_hold_is_cut_short(options):
    sentence = refusal(jpeg_header(14_000, 14_000, **options))
    assert "is damaged or cut short: expected 382812 bytes or more for 14000 x 14000 pixels, got" in sentence


@pytest.mark.parametrize("options", [{}, {"progressive": True, "optimize": True}])
def test_the_emptiest_jpeg_that_is_whole_is_read(options):
    data = encoded(Image.new("L", (6000, 6000)), "JPEG", quality=1, **options)
    assert decode_image(data, max_side=64).shape == (64, 64, 3)


def test_a_jpeg_of_hundreds_of_passes_is_refused_and_bytes_behind_it_are_no_passes():
    data = encoded(scene(640, 480), "JPEG", progressive=True)
    last = data.rfind(b"\xff\xda")
    assert_shows(decode_image(data + b"\xff\xda\0\x08" * 500), scene(640, 480))
    bomb = data[:-2] + data[last:-2] * 300 + data[-2:]
    hidden = data[:last] + b"\xff\xfe\0\x04\xff\xd9" + data[last:-2] + data[last:-2] * 300 + data[-2:]  # in a comment
    for hostile in (bomb, hidden):
        assert "expected at most 30 passes, got 3" in refusal(hostile)


def no_memory(monkeypatch, free):
    monkeypatch.setattr(image_checks, "free_memory", lambda: free)


@pytest.mark.parametrize(
    ("kind", "options", "megabytes"),
    [("PNG", {}, 140), ("JPEG", {"progressive": True}, 84), ("JPEG", {"progressive": True, "subsampling": 0}, 160)],
    ids=["PNG", "4:2:0", "4:4:4"],
)
def test_what_would_not_fit_into_memory_is_refused_before_decoding(monkeypatch, camera_scene, kind, options, megabytes):
    image = camera_scene.resize((6000, 4500), Image.Resampling.NEAREST)
    no_memory(monkeypatch, megabytes * 2 * 2**20)
    data = encoded(image, kind, **({"compress_level": 1} if kind == "PNG" else options))
    assert decode_image(data, max_side=512).shape == (384, 512, 3)
    no_memory(monkeypatch, megabytes * 3 // 2 * 2**20)
    sentence = refusal(data)
    assert f"at most half of the {megabytes * 3 // 2} MB of memory that are free, got one that takes about" in sentence


def test_a_large_jpeg_of_one_pass_needs_hardly_any_memory(monkeypatch, camera_scene):
    no_memory(monkeypatch, 64 * 2**20)
    assert decode_image(encoded(camera_scene, "JPEG"), max_side=1024).shape == (683, 1024, 3)


def test_free_memory_is_that_of_the_machine_or_of_its_container(monkeypatch, tmp_path):
    monkeypatch.setattr(image_checks, "_CONTAINER", {})
    machine = image_checks.free_memory()
    assert 0 < machine <= psutil.virtual_memory().total
    monkeypatch.setattr(image_checks, "_CONTAINER", {tmp_path: ("memory.max", "memory.current", "inactive_file")})
    for name, text in {"max": "1000000", "current": "700000", "stat": "anon 5\ninactive_file 200000\n"}.items():
        (tmp_path / f"memory.{name}").write_text(text)
    assert image_checks.free_memory() == 500_000
    (tmp_path / "memory.max").write_text("max\n")
    assert image_checks.free_memory() == pytest.approx(machine, rel=0.5)


def test_large_images_are_decoded_one_at_a_time(monkeypatch):
    running, most = [], []

    def check(needed, label):
        running.append(label)
        most.append(len(running))
        time.sleep(0.02)
        running.pop()

    monkeypatch.setattr(images, "_LARGE", 0)
    monkeypatch.setattr(images, "check_memory", check)
    data = encoded(scene(), "PNG")
    threads = [threading.Thread(target=decode_image, args=(data,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 6


@CAN_FORK
def test_a_forked_process_does_not_wait_for_a_thread_of_its_parent(monkeypatch):
    monkeypatch.setattr(images, "_LARGE", 0)
    with images._one_at_a_time:
        child = multiprocessing.get_context("fork").Process(target=decode_image, args=(encoded(scene(), "PNG"),))
        child.start()
        child.join(30)
    assert child.exitcode == 0


def outcome(data):
    try:
        return decode_image(data).dtype.name
    except images.ImageError as error:
        return "one sentence" if "expected" in str(error) and "\n" not in str(error) else str(error)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, about tags
def test_damaged_files_of_every_format_give_pixels_or_one_sentence():
    draw = np.random.default_rng(7)
    noise = Image.fromarray(draw.integers(0, 256, (48, 64, 3), dtype=np.uint8)).resize((160, 120))
    kinds = ("JPEG", "MPO", "PNG", "WEBP", "AVIF", "BMP", "GIF", "TIFF", "HEIF")
    whole = [encoded(noise, kind) for kind in kinds] + [encoded(noise, "JPEG", progressive=True)]
    outcomes = set()
    for number in range(200):
        data = bytearray(whole[number % len(whole)])
        for _ in range(int(draw.integers(1, 12))):
            at = int(draw.integers(min(len(data), 600) if number % 3 else len(data)))
            if number // len(whole) % 2:
                data[at] = int(draw.integers(256))
            else:
                del data[at : at + int(draw.integers(1, 40))]
        outcomes.add(outcome(bytes(data)))
    assert outcomes == {"uint8", "one sentence"}
