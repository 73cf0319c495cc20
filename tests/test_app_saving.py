"""The images of an overview as one file."""

import io
import zipfile

import numpy as np
from PIL import Image

from app.charts import style
from app.components.saving import file_name, zipped


def test_the_file_holds_every_image_pixel_by_pixel():
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    photo = style.jpeg_source(np.full((8, 8, 3), 90, np.uint8))
    with zipfile.ZipFile(io.BytesIO(zipped({"map": style.png_source(pixels), "photo": photo}))) as archive:
        assert archive.namelist() == ["map.png", "photo.jpeg"]
        np.testing.assert_array_equal(Image.open(archive.open("map.png")), pixels)
        assert Image.open(archive.open("photo.jpeg")).size == (8, 8)


def test_a_file_is_named_in_small_letters_and_hyphens():
    assert file_name("2-ce-1", "Dense head, softmax: <b>") == "2-ce-1-dense-head-softmax-b"
