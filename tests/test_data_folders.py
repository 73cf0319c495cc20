"""Class folders on disk: what is read, what is left out and named, and what gets a sentence."""

import os
import sys

import pytest

from fgcore.data.records import LeftOut
from tiny_sets import listing_of, make_split_folders, write_pictures


@pytest.mark.parametrize("test", ["test", "val"])
def test_class_folders_under_train_and_test_are_read(tmp_path, test):
    root = make_split_folders(tmp_path / "my images", test)
    (root / "train" / "001.Acura_RL_2012" / "notes.txt").write_text("not an image")
    (root / "train" / ".cache").mkdir()
    listing = listing_of("folder", root)
    assert listing.summary == f"my images, 2 classes, own split (train and {test} folders)"
    assert listing.class_names == ("Acura RL 2012", "BMW M3 2012")
    assert [record.identifier for record in listing.train] == [
        "train/001.Acura_RL_2012/a.jpg",
        "train/001.Acura_RL_2012/b.PNG",
        "train/002.BMW_M3_2012/c.jpg",
    ]
    assert listing.train[1].path == root / "train" / "001.Acura_RL_2012" / "b.PNG"
    assert listing.notes == (
        "left out: files that are no images by their names (1): train/001.Acura_RL_2012/notes.txt",
        "left out: hidden files and folders of the system (1): train/.cache",
    )


def test_every_fifth_image_of_a_plain_class_folder_is_for_testing(tmp_path):
    write_pictures(tmp_path / "cat", *(f"{number:02}.jpg" for number in range(12)))
    write_pictures(tmp_path / "dog", "b.jpg", "a.jpg")
    listing = listing_of("folder", tmp_path)
    assert [record.identifier for record in listing.test] == ["cat/00.jpg", "cat/05.jpg", "cat/10.jpg", "dog/a.jpg"]
    assert len(listing.train) == 9 + 1
    assert {record.identifier for record in listing.train}.isdisjoint(record.identifier for record in listing.test)
    assert listing_of("folder", tmp_path) == listing


def test_folders_around_everything_change_neither_identifiers_nor_split(tmp_path):
    write_pictures(tmp_path / "a" / "b" / "cat", "0.jpg", "1.jpg")
    write_pictures(tmp_path / "a" / "b" / "dog", "0.jpg", "1.jpg")
    outer, inner = listing_of("folder", tmp_path), listing_of("folder", tmp_path / "a" / "b")
    assert (outer.train, outer.test) == (inner.train, inner.test)


def test_names_of_class_folders_are_the_names_of_the_classes(tmp_path):
    for name in ("1.4T", "1.8T", "red_finch", "Blue\u00a0Tit", "1."):
        write_pictures(tmp_path / name, "a.jpg", "b.jpg")
    assert listing_of("folder", tmp_path).class_names == ("1.", "1.4T", "1.8T", "Blue\u00a0Tit", "red_finch")


def test_numbered_class_folders_are_in_the_order_of_their_numbers(tmp_path):
    for number in range(1, 12):
        write_pictures(tmp_path / str(number), "a.jpg", "b.jpg")
    assert listing_of("folder", tmp_path).class_names == tuple(map(str, range(1, 12)))


def test_class_folders_are_the_same_on_a_mac(tmp_path):
    write_pictures(tmp_path / "train" / "Gru\u0308nfink", "a.jpg")
    write_pictures(tmp_path / "train" / "wren", "a.jpg")
    write_pictures(tmp_path / "test" / "Gr\u00fcnfink", "a.jpg")
    listing = listing_of("folder", tmp_path)
    assert listing.class_names == ("Grünfink", "wren")
    assert [record.identifier for record in listing.test] == ["test/Grünfink/a.jpg"]


def test_class_folders_that_nobody_can_tell_apart_are_one_class_and_that_is_said(tmp_path):
    for name in ("wren", "wren ", "Gru\u0308nfink", "Gr\u00fcnfink"):
        write_pictures(tmp_path / name, "0.jpg", "1.jpg")
    listing = listing_of("folder", tmp_path)
    assert listing.class_names == ("Grünfink", "wren")
    assert len(listing.train) + len(listing.test) == 8
    assert listing.notes == ("folders whose names differ in signs that nobody sees are one class (2): Grünfink, wren",)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names that are no text")
def test_a_name_that_is_no_utf8_is_read_as_western_letters_and_said(tmp_path):
    for name in (b"Gr\xfcnfink", b"wren"):
        write_pictures(tmp_path / os.fsdecode(name), *(os.fsdecode(b"bild\xe4%d.jpg" % number) for number in range(2)))
    listing = listing_of("folder", tmp_path)
    assert listing.class_names == ("Grünfink", "wren")
    assert listing.train[0].identifier == "Grünfink/bildä1.jpg"
    assert listing.train[0].path.is_file()
    assert listing.notes == ("folder names that are no UTF-8 were read as Western letters, or as bytes (1): Grünfink",)


def test_dead_links_and_folders_called_like_images_are_left_out_and_named(tmp_path):
    for name in ("a", "b"):
        write_pictures(tmp_path / name, "0.jpg", "1.jpg")
    (tmp_path / "a" / "9.jpg").symlink_to("/nowhere/at/all.jpg")
    (tmp_path / "b" / "8.jpg").mkdir()
    (tmp_path / "b" / "round").symlink_to(tmp_path)
    (tmp_path / "b" / "self").symlink_to(tmp_path / "b" / "self")
    listing = listing_of("folder", tmp_path)
    assert len(listing.train) + len(listing.test) == 4
    assert set(listing.left_out) == {
        LeftOut("a/9.jpg", "dead links"),
        LeftOut("b/8.jpg", "empty folders"),
        LeftOut("b/round", "links that lead round in a circle"),
        LeftOut("b/self", "dead links"),
    }


def test_links_to_images_and_to_class_folders_are_followed(tmp_path):
    write_pictures(tmp_path / "elsewhere" / "a", "0.jpg", "1.jpg")
    root = tmp_path / "set"
    (root / "b").mkdir(parents=True)
    (root / "a").symlink_to(tmp_path / "elsewhere" / "a")
    for number in range(2):
        (root / "b" / f"{number}.jpg").symlink_to(tmp_path / "elsewhere" / "a" / f"{number}.jpg")
    listing = listing_of("folder", root)
    assert (listing.class_names, len(listing.train), len(listing.test)) == (("a", "b"), 2, 2)


def test_files_that_were_unpacked_with_the_folders_of_windows_in_their_names_are_sorted_by_them(tmp_path):
    write_pictures(tmp_path, *(f"birds\\{name}\\{number}.jpg" for name in ("a", "b") for number in range(2)))
    assert listing_of("folder", tmp_path).class_names == ("a", "b")


def test_a_test_folder_beside_class_folders_is_a_class_and_that_is_said(tmp_path):
    for name in ("a", "b", "test"):
        write_pictures(tmp_path / name, "0.jpg", "1.jpg")
    listing = listing_of("folder", tmp_path)
    assert listing.class_names == ("a", "b", "test")
    assert listing.notes == ("test/ was taken for a class, since no folder train/ lies beside it",)


def test_a_class_without_test_images_is_trained_on_and_named(tmp_path):
    root = make_split_folders(tmp_path)
    write_pictures(root / "train" / "extra", "a.jpg")
    listing = listing_of("folder", root)
    assert listing.class_names == ("001.Acura_RL_2012", "002.BMW_M3_2012", "extra")
    assert listing.notes == ("no test images, and so no figure of their own (1): extra",)


def test_without_any_test_image_nothing_can_be_judged(tmp_path):
    for name in ("cat", "dog"):
        write_pictures(tmp_path / name, "a.jpg")
    with pytest.raises(ValueError, match=r"needs test images, and none of its 2 classes has any; add a"):
        listing_of("folder", tmp_path)


def test_one_class_only_gets_a_sentence_with_what_was_left_out(tmp_path):
    write_pictures(tmp_path / "cat", "a.jpg", "b.jpg")
    with pytest.raises(ValueError, match=r"at least two classes, got 1 of .* \(cat\); add another class"):
        listing_of("folder", tmp_path)
    (tmp_path / "dog").mkdir()
    with pytest.raises(ValueError, match=r"got 1 of .* \(cat\), and left out: empty folders \(1\): dog; add another"):
        listing_of("folder", tmp_path)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ((), "holds no images: expected CLASS/image.jpg, or .*, got nothing; choose the folder"),
        (("a.jpg",), "holds images but no class folders: expected .*, got a.jpg; give each class a folder"),
    ],
)
def test_a_folder_without_class_folders_gets_a_sentence_without_its_path(tmp_path, files, sentence):
    write_pictures(tmp_path, *files)
    with pytest.raises(ValueError, match=f"^{tmp_path.name} {sentence}") as caught:
        listing_of("folder", tmp_path)
    assert str(tmp_path.parent) not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_class_name_that_no_checkpoint_takes_is_refused_before_training(tmp_path):
    for name in ("x" * 201, "cat"):
        write_pictures(tmp_path / name, "a.jpg", "b.jpg")
    with pytest.raises(ValueError, match="is 201 characters long, expected at most 200; shorten it"):
        listing_of("folder", tmp_path)


@pytest.mark.parametrize("classes", [3, 20_000])
def test_more_classes_than_there_are_get_a_sentence(tmp_path, classes):
    with pytest.raises(ValueError, match=f"at most the 2 of .*, got {classes}; 0 takes all"):
        listing_of("folder", make_split_folders(tmp_path), classes=classes)


def test_a_folder_that_may_not_be_opened_is_left_out_and_named(tmp_path, monkeypatch):
    for name in ("a", "b", "closed"):
        write_pictures(tmp_path / name, "0.jpg", "1.jpg")
    scandir = os.scandir

    def refusing(folder):
        if str(folder).endswith(refused):
            raise PermissionError(13, "Permission denied", str(folder))
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    refused = "closed"
    assert listing_of("folder", tmp_path).left_out == (LeftOut("closed", "folders that cannot be opened"),)
    refused = tmp_path.name
    with pytest.raises(FileNotFoundError, match=rf"^{tmp_path.name} cannot be opened \(Permission denied\); choose"):
        listing_of("folder", tmp_path)
