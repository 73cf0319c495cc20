"""The one rule for folders and zip files, on paths alone."""

import numpy as np
import pytest

from fgcore.data.layout import Item, LayoutError, arrange


def items(*paths, problem=""):
    return [Item(tuple(path.split("/")), path, problem) for path in paths]


def of(pattern, *classes, count=2):
    """The paths of `count` images of each class, below a folder: "train/{}/{}.jpg"."""
    return items(*(pattern.format(name, number) for name in classes for number in range(count)))


def left(arrangement):
    groups = {}
    for item in arrangement.left_out:
        groups.setdefault(item.why, []).append(item.path)
    return groups


def names(placed):
    return [image.identifier for image in placed]


def test_class_folders_keep_every_fifth_image_by_name_for_testing():
    found = arrange(reversed(of("{}/{:02}.jpg", "wren", "finch", count=7)), "birds")
    assert (found.classes, found.has_split) == (("finch", "wren"), False)
    assert names(found.test) == ["finch/00.jpg", "finch/05.jpg", "wren/00.jpg", "wren/05.jpg"]
    assert len(found.train) == 10
    assert found.split == "own split (every fifth image of a class for testing)"
    assert found.left_out == ()


def test_an_only_image_of_a_class_is_for_training():
    found = arrange(of("{}/{}.jpg", "wren") + items("rare/0.jpg"), "birds")
    assert names(found.train) == ["rare/0.jpg", "wren/1.jpg"]
    assert names(found.test) == ["wren/0.jpg"]


@pytest.mark.parametrize("test", ["test", "Testing", "val", "valid", "Validation", "test-set", "TEST DATA", "dev"])
@pytest.mark.parametrize("train", ["train", "Train", "training_set"])
@pytest.mark.parametrize("around", ["", "birds/", "a/b/c/"])
def test_a_split_is_found_under_its_usual_names_at_any_depth(train, test, around):
    found = arrange(of(f"{around}{train}/{{}}/{{}}.jpg", "a", "b") + of(f"{around}{test}/{{}}/{{}}.jpg", "a", "b"), "x")
    assert found.has_split
    assert found.split == f"own split ({train} and {test} folders)"
    assert names(found.train) == [f"{train}/a/0.jpg", f"{train}/a/1.jpg", f"{train}/b/0.jpg", f"{train}/b/1.jpg"]
    assert names(found.test)[0] == f"{test}/a/0.jpg"


def test_a_folder_called_as_its_parent_within_each_part_does_not_matter():
    found = arrange(of("train/train/{}/{}.jpg", "a", "b") + of("test/test/{}/{}.jpg", "a", "b"), "x")
    assert names(found.train)[0] == "train/a/0.jpg"
    assert len(found.test) == 4


def test_the_test_part_counts_and_the_validation_part_beside_it_is_left_out():
    found = arrange(
        [item for part in ("train", "valid", "test") for item in of(part + "/{}/{}.jpg", "a", "b", count=1)], "x"
    )
    assert names(found.test) == ["test/a/0.jpg", "test/b/0.jpg"]
    assert left(found) == {"images in valid/, beside train/ and test/": ["valid/a/0.jpg", "valid/b/0.jpg"]}


def test_a_training_part_alone_is_divided():
    found = arrange(of("train/{}/{}.jpg", "a", "b"), "x")
    assert not found.has_split
    assert found.split == "own split (every fifth image of a class in train/ for testing)"
    assert names(found.test) == ["a/0.jpg", "b/0.jpg"]


def test_a_test_folder_without_class_folders_is_left_out():
    found = arrange(of("train/{}/{}.jpg", "a", "b") + items("test/1.jpg", "test/2.jpg"), "x")
    assert (found.classes, found.has_split) == (("a", "b"), False)
    assert left(found) == {"images in test/, beside train/": ["test/1.jpg", "test/2.jpg"]}


def test_train_is_a_class_where_no_test_folder_and_no_class_folders_say_otherwise():
    found = arrange(of("{}/{}.jpg", "bus", "car", "train"), "vehicles")
    assert found.classes == ("bus", "car", "train")
    with pytest.raises(LayoutError, match=r"x has folders train/ and test/, but no class folders in train/: expected"):
        arrange(of("{}/{}.jpg", "train", "test"), "x")


def test_train_among_classes_stays_one_whatever_folders_it_has():
    found = arrange(of("{}/{}.jpg", "bus", "train") + of("train/steam/{}/{}.jpg", "old"), "vehicles")
    assert found.classes == ("bus", "train")
    assert left(found) == {"images in folders within class folders": ["train/steam/old/0.jpg", "train/steam/old/1.jpg"]}


@pytest.mark.parametrize(
    ("train", "test"),
    [("seg_train", "seg_test"), ("birds-Train", "birds-Val"), ("train_images", "test_images"), ("my train", "my test")],
)
def test_the_folders_of_a_split_may_have_the_same_words_around_theirs(train, test):
    around = f"{train}/{train}", f"{test}/{test}"
    for first, second in ((train, test), around):
        found = arrange(of(first + "/{}/{}.jpg", "a", "b") + of(second + "/{}/{}.jpg", "a", "b"), "x")
        assert found.split == f"own split ({train} and {test} folders)"
        assert (found.classes, len(found.train), len(found.test)) == (("a", "b"), 4, 4)


def test_folders_of_other_words_are_no_split():
    with pytest.raises(LayoutError, match=r"of cars_train/, seg_test/ lie one folder deeper"):
        arrange(of("cars_train/{}/{}.jpg", "a", "b") + of("seg_test/{}/{}.jpg", "a", "b"), "x")
    assert arrange(of("{}/{}.jpg", "freight_train", "freight_test"), "x").classes == ("freight_test", "freight_train")


def test_test_folders_without_a_training_folder_get_a_sentence():
    with pytest.raises(LayoutError, match=r"x has folders test/, val/ but no train/ beside them: .* call the one to l"):
        arrange(of("test/{}/{}.jpg", "a", "b") + of("val/{}/{}.jpg", "a", "b"), "x")


def test_classes_may_be_missing_from_the_test_part():
    found = arrange(of("train/{}/{}.jpg", "a", "b", "c") + of("val/{}/{}.jpg", "a", "b"), "x")
    assert found.classes == ("a", "b", "c")
    assert {image.label for image in found.test} == {"a", "b"}


def test_test_images_of_other_classes_are_left_out_and_another_case_is_the_same_class():
    found = arrange(of("train/{}/{}.jpg", "Robin", "wren") + of("test/{}/{}.jpg", "robin", "owl", count=1), "x")
    assert names(found.test) == ["test/Robin/0.jpg"]
    assert left(found) == {"images of classes that train/ lacks": ["test/owl/0.jpg"]}
    with pytest.raises(LayoutError, match=r"the same class folders in train/ and test/, but they share none: train/ h"):
        arrange(of("train/{}/{}.jpg", "a", "b") + of("test/{}/{}.jpg", "c"), "x")


def test_what_systems_leave_behind_is_left_out():
    clutter = ("__MACOSX/._a", "a/.DS_Store", "a/@eaDir/0.jpg/T.jpg", "a/._0.jpg", "$RECYCLE.BIN", "Thumbs.db", ".git")
    found = arrange(of("{}/{}.jpg", "a", "b") + items(*clutter), "x")
    assert left(found) == {"hidden files and folders of the system": sorted(clutter)}


def test_everything_else_that_is_left_out_is_named_with_its_reason():
    other = items("notes.txt", "a/list.csv", "cover.jpg", "a/young/9.jpg")
    found = arrange(of("{}/{}.jpg", "a", "b") + other + items("c", problem="empty folders"), "x")
    assert left(found) == {
        "files that are no images by their names": ["a/list.csv", "notes.txt"],
        "images outside of class folders": ["cover.jpg"],
        "images in folders within class folders": ["a/young/9.jpg"],
        "empty folders": ["c"],
    }


@pytest.mark.parametrize(
    "name", ["0.jpg", "0.JPEG", "0.jfif", "0.PNG", "0.webp", "0.avif", "0.tif", "0.HEIC", "0.jpg."]
)
def test_images_are_told_by_the_endings_of_every_program(name):
    found = arrange(of("{}/{}.jpg", "a") + items(f"b/{name}"), "x")
    assert found.classes == ("a", "b")


def test_one_folder_in_every_class_folder_does_not_matter():
    found = arrange(of("train/{}/images/{}.jpg", "a", "b"), "x")
    assert found.classes == ("a", "b")
    assert found.left_out == ()


def test_a_cover_beside_the_folder_around_everything_does_not_matter():
    found = arrange(of("birds/{}/{}.jpg", "a", "b") + items("cover.jpg", "birds/map.jpg"), "x")
    assert found.classes == ("a", "b")
    assert left(found) == {"images outside of class folders": ["cover.jpg", "birds/map.jpg"]}


def test_class_folders_one_level_deeper_are_named():
    paths = ("Aves/robin/0.jpg", "Aves/wren/0.jpg", "Mammalia/fox/0.jpg")
    with pytest.raises(LayoutError, match=r"of Aves/, Mammalia/ lie one folder deeper, such as Aves/robin/0.jpg;"):
        arrange(items(*paths), "animals")
    with pytest.raises(LayoutError, match=r"images of owls/ lie one folder deeper"):
        arrange(of("{}/{}.jpg", "robin") + items("owls/barn/0.jpg", "owls/tawny/0.jpg"), "animals")


def test_a_class_of_photographs_in_another_format_is_refused_by_its_endings():
    raw = items("birds/wren/a.CR2", "birds/wren/b.CR2", "birds/wren/c.NEF")
    with pytest.raises(LayoutError, match=r"folder wren/ without an image that can be read: .* got 2 .CR2, 1 .NEF;"):
        arrange(of("birds/{}/{}.jpg", "robin", "finch") + raw, "the zip")


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        ((), "x holds no images: expected CLASS/image.jpg, or .*, got nothing; choose the folder"),
        (("a.txt", "b/c.CR2", "b/d.CR2"), "got 2 .CR2, 1 .txt; choose"),
        ((".DS_Store",), "got .DS_Store; choose"),
        (("README",), "got 1 without an ending"),
        (
            ("a.jpg", "b.jpg"),
            "x holds images but no class folders: expected .* got a.jpg, b.jpg; give",
        ),
    ],
)
def test_what_are_no_class_folders_gets_a_sentence(paths, sentence):
    with pytest.raises(LayoutError, match=sentence):
        arrange(items(*paths), "x")


def test_no_two_images_share_an_identifier():
    twice = [Item(("a", "0.jpg"), "composed"), Item(("a", "0.jpg"), "decomposed"), *items("b/0.jpg")]
    found = arrange(twice, "x")
    assert sorted(names((*found.train, *found.test))) == ["a/0.jpg", "a/0.jpg (2)", "b/0.jpg"]


def test_every_file_of_any_tree_is_an_image_of_a_class_or_left_out_by_name():
    rng = np.random.default_rng(0)
    folders = ("train", "Test", "val", "a", "b", "B", "__MACOSX", ".git", "images")
    files = ("0.jpg", "1.PNG", "2.txt", "3.CR2", "._4.jpg", "5", "6.heic")
    arranged = 0
    for _ in range(3000):
        depths = rng.integers(0, 4, size=rng.integers(1, 12))
        paths = {"/".join((*rng.choice(folders, depth), rng.choice(files))) for depth in depths}
        try:
            found = arrange(items(*paths), "x")
        except LayoutError:
            continue
        arranged += 1
        placed = [image.item.path for image in (*found.train, *found.test)]
        assert sorted(placed + [item.path for item in found.left_out]) == sorted(paths)
        assert {image.label for image in found.train} == set(found.classes)
        assert {image.label for image in found.test} <= set(found.classes)
        identifiers = names((*found.train, *found.test))
        assert len(set(identifiers)) == len(identifiers)
    assert arranged > 300
