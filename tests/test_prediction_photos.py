import numpy as np
import pytest

from fgcore.data.images import encode_png
from fgcore.prediction import photos

PNG = encode_png(np.zeros((40, 40, 3), np.uint8))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in ("b.png", "a.JPG", "deep/er/c.jfif", "raw.CR2", "notes.txt", ".hidden.jpg", "__MACOSX/._a.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(PNG)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def names(found):
    return [str(path) for path in found.files]


def test_a_folder_is_searched_to_the_bottom_and_what_is_left_out_is_named(folder):
    found = photos.find(["photos"])
    assert names(found) == ["photos/a.JPG", "photos/b.png", "photos/deep/er/c.jfif", "photos/raw.CR2"]
    assert {(left.path, left.why.split()[0]) for left in found.left_out} == {
        ("photos/.hidden.jpg", "hidden"),
        ("photos/__MACOSX", "hidden"),
        ("photos/notes.txt", "files"),
    }


def test_a_file_is_taken_whatever_it_is_called_and_only_once(folder):
    assert names(photos.find(["photos/notes.txt", "photos/b.png", "photos"]))[:2] == [
        "photos/notes.txt",
        "photos/b.png",
    ]
    assert names(photos.find(["photos/b.png", str(folder / "b.png"), "./photos/*.png"])) == ["photos/b.png"]


def test_patterns_may_cross_folders(folder):
    assert names(photos.find(["photos/**/*.jfif"])) == ["photos/deep/er/c.jfif"]
    assert names(photos.find([f"{folder}/?.*"])) == [f"{folder}/a.JPG", f"{folder}/b.png"]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(folder):
    (folder / "bird [1].png").write_bytes(PNG)
    assert names(photos.find(["photos/bird [1].png"])) == ["photos/bird [1].png"]


def test_panels_written_before_are_no_photos(folder):
    (folder / "panels" / "b").mkdir(parents=True)
    (folder / "panels" / "b" / "input.png").write_bytes(PNG)
    assert "photos/panels/b/input.png" in names(photos.find(["photos"]))
    found = photos.find(["photos"], without=folder / "panels")
    assert "photos/panels/b/input.png" not in names(found)
    assert [left.path for left in found.left_out if left.why == "panels written before"] == [
        "photos/panels/b/input.png"
    ]


@pytest.mark.parametrize(
    ("path", "kind", "sentence"),
    [
        ("photos/nothing.jpg", FileNotFoundError, "expected an image or a folder at photos/nothing.jpg, found nothing"),
        ("photos/*.webp", FileNotFoundError, r"expected a file for the pattern photos/\*.webp, found nothing"),
        ("photos/empty", ValueError, "expected images at photos/empty, got .*; name image files, folders"),
    ],
)
def test_paths_without_images_get_a_sentence(folder, path, kind, sentence):
    (folder / "empty").mkdir()
    (folder / "empty" / "notes.txt").touch()
    with pytest.raises(kind, match=sentence):
        photos.find([path])


def test_a_name_of_bytes_that_are_no_text_can_be_written(folder):
    path = folder / "caf\udce9.png"
    path.write_bytes(PNG)
    (photo,) = photos.photos([path])
    assert photo.name.endswith("caf\\udce9.png")
    assert photo.read().shape == (40, 40, 3)
