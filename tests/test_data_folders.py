import pytest

from tiny_sets import listing_of, make_split_folders, write_pictures


@pytest.mark.parametrize("test", ["test", "val"])
def test_class_folders_under_train_and_test_are_read(tmp_path, test):
    root = make_split_folders(tmp_path / "my pictures", test)
    (root / "train" / "001.Acura_RL_2012" / "notes.txt").write_text("not a picture")
    (root / "train" / ".cache").mkdir()
    listing = listing_of("folder", root)
    assert listing.summary == f"my pictures, 2 classes, own split (train and {test} folders)"
    assert [record.identifier for record in listing.train] == [
        "train/001.Acura_RL_2012/a.jpg",
        "train/001.Acura_RL_2012/b.PNG",
        "train/002.BMW_M3_2012/c.jpg",
    ]


def test_every_fifth_picture_of_a_plain_class_folder_is_for_testing(tmp_path):
    write_pictures(tmp_path / "cat", *(f"{number:02}.jpg" for number in range(12)))
    write_pictures(tmp_path / "dog", "b.jpg", "a.jpg")
    listing = listing_of("folder", tmp_path)
    assert [record.identifier for record in listing.test] == ["cat/00.jpg", "cat/05.jpg", "cat/10.jpg", "dog/a.jpg"]
    assert len(listing.train) == 9 + 1
    assert {record.identifier for record in listing.train}.isdisjoint(record.identifier for record in listing.test)
    assert listing_of("folder", tmp_path) == listing


def test_class_names_that_would_become_equal_stay_as_they_are(tmp_path):
    for name in ("1.cat", "2.cat"):
        write_pictures(tmp_path / name, "a.jpg", "b.jpg")
    assert listing_of("folder", tmp_path).class_names == ("1.cat", "2.cat")


def test_a_folder_without_class_folders_gets_a_sentence(tmp_path):
    write_pictures(tmp_path, "a.jpg")
    with pytest.raises(
        FileNotFoundError, match=r"one folder of pictures per class in .* which holds a.jpg; arrange it"
    ):
        listing_of("folder", tmp_path)


def test_a_train_folder_alone_gets_a_sentence(tmp_path):
    write_pictures(tmp_path / "train" / "cat", "a.jpg")
    with pytest.raises(
        FileNotFoundError, match=r"needs a folder test/ or val/ beside train/ in .*, which holds train;"
    ):
        listing_of("folder", tmp_path)


def test_classes_that_differ_between_the_splits_get_a_sentence(tmp_path):
    root = make_split_folders(tmp_path)
    write_pictures(root / "train" / "extra", "a.jpg")
    with pytest.raises(ValueError, match=r"the same classes in train/ and test/, but extra is in one only"):
        listing_of("folder", root)


@pytest.mark.parametrize(("split", "kind"), [("train", "training"), ("test", "test")])
def test_an_empty_class_folder_gets_a_sentence(tmp_path, split, kind):
    root = make_split_folders(tmp_path)
    (root / split / "002.BMW_M3_2012" / "c.jpg").unlink()
    with pytest.raises(ValueError, match=f"needs {kind} pictures, but BMW M3 2012 has none"):
        listing_of("folder", root)


def test_one_class_only_gets_a_sentence(tmp_path):
    write_pictures(tmp_path / "cat", "a.jpg", "b.jpg")
    with pytest.raises(ValueError, match=r"at least two classes, got 1"):
        listing_of("folder", tmp_path)


def test_a_class_with_one_picture_cannot_be_divided(tmp_path):
    write_pictures(tmp_path / "cat", "a.jpg")
    with pytest.raises(ValueError, match=r"two pictures or more, got 1 in .*cat"):
        listing_of("folder", tmp_path)


@pytest.mark.parametrize("classes", [-1, 3])
def test_more_classes_than_there_are_get_a_sentence(tmp_path, classes):
    with pytest.raises(ValueError, match=f"at most the 2 of .*, got {classes}; 0 takes all"):
        listing_of("folder", make_split_folders(tmp_path), classes=classes)
