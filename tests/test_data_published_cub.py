"""CUB-200-2011 in the layouts in which people have it."""

import re

import pytest

from tiny_sets import listing_of, make_cub, write_pictures


def test_cub_is_read_with_its_split_boxes_and_visible_parts(tmp_path):
    listing = listing_of("cub", make_cub(tmp_path))
    assert listing.summary == "CUB-200-2011, 3 classes, official split"
    assert listing.class_names == ("Black footed Albatross", "Laysan Albatross", "Sooty Albatross")
    assert [record.path.name for record in listing.train] == ["a.jpg", "c.jpg", "f.jpg"]
    assert [record.path.name for record in listing.test] == ["b.jpg", "d.jpg", "e.jpg"]
    assert [record.target for record in listing.train] == [0, 1, 2]
    assert listing.train[0].box == (2.5, 3.0, 22.5, 33.0)
    assert listing.train[0].parts == {"back": (10.5, 12.0)}
    assert listing.train[0].identifier == "images/001.Black_footed_Albatross/a.jpg"


def test_the_first_classes_of_cub_are_a_subset(tmp_path):
    listing = listing_of("cub", make_cub(tmp_path), classes=2)
    assert listing.summary == "CUB-200-2011, first 2 of 3 classes, official split"
    assert listing.class_names == ("Black footed Albatross", "Laysan Albatross")
    assert {record.target for record in (*listing.train, *listing.test)} == {0, 1}
    assert len(listing.train) == len(listing.test) == 2


def test_cub_without_boxes_and_parts_is_still_a_data_set(tmp_path):
    root = make_cub(tmp_path)
    (root / "bounding_boxes.txt").unlink()
    (root / "parts" / "part_locs.txt").unlink()
    record = listing_of("cub", root).train[0]
    assert record.box is None
    assert record.parts is None


@pytest.mark.parametrize(
    ("damage", "error", "sentence"),
    [
        (
            "images.txt",
            FileNotFoundError,
            "needs images.txt, or class folders train/ and test/, in .* which holds bounding_boxes.txt, classes.txt, ",
        ),
        (
            "images/001.Black_footed_Albatross/b.jpg",
            FileNotFoundError,
            "lists 6 images, but 1 are not there, the first being .*/b.jpg; ",
        ),
        (
            ("image_class_labels.txt", "1 1\n2 1\n"),
            ValueError,
            "image_class_labels.txt should have lines for 5, 6, 9, 11 ",
        ),
        (
            ("train_test_split.txt", "1 1\nx y\n"),
            ValueError,
            "train_test_split.txt should hold 2 numbers per line, but",
        ),
        (("train_test_split.txt", "1\n2\n"), ValueError, "train_test_split.txt should hold 2 numbers per line, got 1"),
        (("classes.txt", "1\n"), ValueError, "classes.txt should hold a number and a name per line, got '1';"),
        (("parts/part_locs.txt", ""), ValueError, "part_locs.txt should hold 5 numbers per line, got none"),
        (("classes.txt", "1 a\n2 b\n"), ValueError, "classes.txt should have lines for 3 too"),
        (("parts/parts.txt", "1 back\n"), ValueError, "parts.txt should have lines for 2 too"),
        (
            ("train_test_split.txt", "1 1\n2 1\n5 1\n6 1\n9 1\n11 1\n"),
            ValueError,
            "needs test images, and none of its 3 classes has any",
        ),
    ],
)
def test_a_half_unpacked_or_damaged_cub_gets_a_sentence(tmp_path, damage, error, sentence):
    root = make_cub(tmp_path / "CUB_200_2011")
    if isinstance(damage, str):
        (root / damage).unlink()
    else:
        (root / damage[0]).write_text(damage[1])
    with pytest.raises(error, match=sentence) as caught:
        listing_of("cub", root)
    assert str(tmp_path) not in str(caught.value)


def rewritten(root, change):
    """The tables of a data set after an editor or another system had them in hand."""
    for path in root.rglob("*.txt"):
        path.write_bytes(change(path.read_text()))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: text.encode("utf-16"),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(),
        lambda text: f"\n{text}\n  \n".encode(),
        lambda text: text.replace("/", "\\").encode(),
        lambda text: text.replace(" ", "\t").replace("\n", " \n").encode(),
        lambda text: re.sub(r" (00\S+/)", r" images/\1", text).encode(),
        lambda text: re.sub(r" (00\S+)/", r" .\\Images\\\1\\", text).encode(),
    ],
    ids=[
        *("byte order mark", "UTF-16", "Windows lines", "old Mac lines", "blank lines", "backslashes", "tabs"),
        *("with the folder", "from here"),
    ],
)
def test_tables_that_another_system_wrote_are_the_same(tmp_path, change):
    plain, other = listing_of("cub", make_cub(tmp_path / "plain")), make_cub(tmp_path / "other")
    rewritten(other, change)
    listing = listing_of("cub", other)
    assert listing.class_names == plain.class_names
    assert [record.identifier for record in listing.train] == [record.identifier for record in plain.train]
    assert [(record.box, record.target) for record in listing.test] == [(r.box, r.target) for r in plain.test]


@pytest.mark.parametrize("deep", ["CUB_200_2011", "CUB_200_2011/CUB_200_2011", "archive/data/CUB_200_2011", "birds"])
def test_the_tables_are_found_one_or_more_folders_down(tmp_path, deep):
    root = make_cub(tmp_path / deep)
    (tmp_path / "segmentations" / "001.Black_footed_Albatross").mkdir(parents=True)
    listing = listing_of("cub", tmp_path)
    assert listing.train[0].path == root / "images" / "001.Black_footed_Albatross" / "a.jpg"
    assert listing.train[0].identifier == "images/001.Black_footed_Albatross/a.jpg"


def test_the_layout_of_the_ap_cnn_authors_has_neither_class_names_nor_boxes(tmp_path):
    root = make_cub(tmp_path / "birds")
    for name in ("classes.txt", "bounding_boxes.txt", "parts/parts.txt", "parts/part_locs.txt"):
        (root / name).unlink()
    listing = listing_of("cub", root)
    assert listing.class_names == ("Black footed Albatross", "Laysan Albatross", "Sooty Albatross")
    assert [record.target for record in listing.train] == [0, 1, 2]
    assert listing.train[0].box is None


@pytest.mark.parametrize("around", ["", "CUB/"])
def test_cub_divided_into_class_folders_is_read(tmp_path, around):
    for part in ("train", "test"):
        for name in ("001.Black_footed_Albatross", "002.Laysan_Albatross"):
            write_pictures(tmp_path / around / part / name, "0.jpg", "1.jpg")
    listing = listing_of("cub", tmp_path)
    assert listing.summary == "CUB-200-2011, 2 classes, own split (train and test folders)"
    assert listing.class_names == ("Black footed Albatross", "Laysan Albatross")


def test_no_table_leads_out_of_the_folder_of_images(tmp_path):
    root = make_cub(tmp_path / "CUB_200_2011")
    write_pictures(tmp_path, "secret.jpg")
    table = (root / "images.txt").read_text()
    for place in ("../../secret.jpg", str(tmp_path / "secret.jpg")):
        (root / "images.txt").write_text(table.replace("001.Black_footed_Albatross/a.jpg", place))
        with pytest.raises(FileNotFoundError, match=r"lists 6 images, but 1 are not there"):
            listing_of("cub", root)


def test_a_folder_within_the_data_set_and_one_without_a_split_say_what_would_work(tmp_path):
    root = make_cub(tmp_path / "CUB_200_2011")
    with pytest.raises(FileNotFoundError, match=r"they lie in the folder above, so choose that$"):
        listing_of("cub", root / "images")
    for name in ("images.txt", "train_test_split.txt", "image_class_labels.txt"):
        (root / name).unlink()
    with pytest.raises(
        FileNotFoundError, match=r"needs images.txt, image_class_labels.txt, .* dataset=folder reads its"
    ):
        listing_of("cub", root)
