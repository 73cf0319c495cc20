"""Stanford Cars in the layouts in which people have it."""

import numpy as np
import pytest
from scipy.io import savemat

from tiny_sets import annotations, listing_of, make_cars_in_one_folder, make_devkit, make_split_folders, write_pictures


@pytest.mark.parametrize("labels", ["devkit", "."])
def test_the_cars_devkit_is_read_with_boxes_counted_from_zero(tmp_path, labels):
    listing = listing_of("cars", make_devkit(tmp_path, labels=labels))
    assert listing.summary == "Stanford Cars, 2 classes, official split"
    assert listing.class_names == ("Acura RL 2012", "BMW M3 2012")
    assert [record.target for record in listing.train] == [0, 1]
    assert listing.train[0].path == tmp_path / "cars_train" / "00001.jpg"
    assert listing.train[0].box == (2, 4, 40, 30)
    assert listing.test[1].box == (0, 0, 48, 40)
    assert listing.test[1].identifier == "cars_test/00002.jpg"


@pytest.mark.parametrize("test", ["test", "val"])
def test_cars_without_a_devkit_are_read_from_class_folders(tmp_path, test):
    listing = listing_of("cars", make_split_folders(tmp_path, test))
    assert listing.summary == f"Stanford Cars, 2 classes, own split (train and {test} folders)"
    assert listing.class_names == ("Acura RL 2012", "BMW M3 2012")
    assert listing.test[0].identifier == f"{test}/001.Acura_RL_2012/a.jpg"


def test_the_test_labels_of_cars_are_asked_for_by_name(tmp_path):
    root = make_devkit(tmp_path)
    (root / "devkit" / "cars_test_annos_withlabels.mat").rename(root / "devkit" / "cars_test_annos.mat")
    with pytest.raises(FileNotFoundError, match=r"needs cars_test_annos_withlabels.mat, .* a separate download"):
        listing_of("cars", root)


@pytest.mark.parametrize("lost", [("devkit/cars_test_annos_withlabels.mat",), ("cars_test",)])
def test_the_training_half_of_cars_alone_will_do_where_a_part_of_it_is_held_aside(tmp_path, lost):
    root = make_devkit(tmp_path)
    write_pictures(root / "cars_train", *(f"{number:05}.jpg" for number in range(3, 9)))
    savemat(
        root / "devkit" / "cars_train_annos.mat",
        annotations(
            ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname"),
            *((1, 1, 40, 30, 1 + number % 2, f"{number:05}.jpg") for number in range(1, 9)),
        ),
    )
    for name in lost:
        (root / name).rename(tmp_path / "elsewhere")
    listing = listing_of("cars", root, holdout=0.25)
    assert listing.split == "official training part, a quarter of the training images held aside"
    assert listing.class_names == ("Acura RL 2012", "BMW M3 2012")
    assert len(listing.train) + len(listing.test) == 8
    assert {record.target for record in listing.test} == {0, 1}
    with pytest.raises(FileNotFoundError):
        listing_of("cars", root)


def test_cars_sorted_into_class_folders_keep_their_annotations_or_else_their_folders(tmp_path):
    plain, root = listing_of("cars", make_devkit(tmp_path / "plain")), make_devkit(tmp_path / "sorted")
    for part in ("cars_train", "cars_test"):
        for name, path in (("BMW", "00001.jpg"), ("Acura", "00002.jpg")):
            (root / part / name).mkdir()
            (root / part / path).rename(root / part / name / path)
    same(listing_of("cars", root), plain)
    for path in root.rglob("*.jpg"):
        path.rename(path.with_stem(f"renamed {path.stem}"))
    listing = listing_of("cars", root)
    assert listing.summary == "Stanford Cars, 2 classes, own split (cars_train and cars_test folders)"
    assert listing.class_names == ("Acura", "BMW")


def test_the_folder_of_the_training_images_says_that_the_rest_lies_above(tmp_path):
    root = make_devkit(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"they lie in the folder above, so choose that$"):
        listing_of("cars", root / "cars_train")


def test_cars_half_unpacked_get_a_sentence(tmp_path):
    root = make_devkit(tmp_path)
    (root / "cars_test").rename(root / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"Stanford Cars needs cars_test, or class folders train/ and test/,"):
        listing_of("cars", root)


def test_damaged_cars_annotations_get_a_sentence(tmp_path):
    root = make_devkit(tmp_path)
    (root / "devkit" / "cars_train_annos.mat").write_bytes(b"not MATLAB")
    with pytest.raises(ValueError, match=r"cars_train_annos.mat should be a MATLAB file with annotations, and is not"):
        listing_of("cars", root)


def test_cars_annotations_of_another_kind_get_a_sentence(tmp_path):
    root = make_devkit(tmp_path)
    savemat(root / "devkit" / "cars_train_annos.mat", {"annotations": np.eye(3)})
    with pytest.raises(ValueError, match=r"cars_train_annos.mat should hold fname, class, .* got no fields"):
        listing_of("cars", root)


def test_a_cars_label_beyond_the_classes_gets_a_sentence(tmp_path):
    root = make_devkit(tmp_path)
    savemat(root / "devkit" / "cars_meta.mat", {"class_names": np.array(["only one"], dtype=object)})
    with pytest.raises(ValueError, match=r"has images of class 2, expected at most 1; download its files again"):
        listing_of("cars", root)


def same(listing, plain):
    """Equal but for where the files lie."""
    assert listing.class_names == plain.class_names
    for part in ("train", "test"):
        rows = [[(r.target, r.box, r.identifier) for r in getattr(each, part)] for each in (listing, plain)]
        assert rows[0] == rows[1]


@pytest.mark.parametrize(
    "moves",
    [
        {"cars_train": "cars_train/cars_train", "cars_test": "cars_test/cars_test", "devkit": "car_devkit/devkit"},
        {"devkit/cars_train_annos.mat": ".", "devkit/cars_test_annos_withlabels.mat": ".", "devkit/cars_meta.mat": "."},
        {"devkit/cars_test_annos_withlabels.mat": "cars_test_annos_withlabels (1).mat"},
        {"cars_train": "stanford/Cars_Train", "cars_test": "stanford/Cars_Test", "devkit": "stanford/Devkit"},
    ],
    ids=["nested", "beside the folders", "a browser's copy", "another case"],
)
def test_mirrors_of_cars_are_the_same_data_set(tmp_path, moves):
    plain, root = listing_of("cars", make_devkit(tmp_path / "plain")), make_devkit(tmp_path / "mirror")
    for old, new in moves.items():
        place = root / new / old.rpartition("/")[2] if new == "." else root / new
        moved = (root / old).rename(root / "moved")
        place.parent.mkdir(parents=True, exist_ok=True)
        moved.rename(place)
    same(listing_of("cars", root), plain)


def test_annotations_without_names_call_the_classes_by_their_numbers_and_say_so(tmp_path):
    root = make_devkit(tmp_path)
    (root / "devkit" / "cars_meta.mat").unlink()
    listing = listing_of("cars", root)
    assert listing.class_names == ("class 001", "class 002")
    assert listing.notes == ("cars_meta.mat is not there, so classes are called by their numbers",)


@pytest.mark.parametrize("separator", ["/", "\\"])
def test_the_layout_of_the_ap_cnn_authors_is_read_with_its_flags(tmp_path, separator):
    root = make_cars_in_one_folder(tmp_path / "cars", separator)
    listing = listing_of("cars", root)
    assert listing.summary == "Stanford Cars, 2 classes, official split"
    assert listing.class_names == ("Acura RL 2012", "BMW M3 2012")
    assert [(r.target, r.identifier) for r in listing.train] == [(0, "car_ims/000001.jpg"), (1, "car_ims/000004.jpg")]
    assert [(r.target, r.identifier) for r in listing.test] == [(1, "car_ims/000002.jpg"), (0, "car_ims/000003.jpg")]
    assert listing.train[0].path == root / "car_ims" / "000001.jpg"
    assert listing.train[0].box == (2, 4, 40, 30)


def test_cars_as_the_ap_cnn_authors_divide_them_come_in_the_order_of_the_class_numbers(tmp_path):
    for part in ("train", "test"):
        for number in range(1, 13):
            write_pictures(tmp_path / part / str(number), "00001.jpg")
    listing = listing_of("cars", tmp_path)
    assert listing.class_names == tuple(map(str, range(1, 13)))
    assert listing.train[9].path.parent.name == "10"


def test_class_folders_deep_in_an_archive_are_read_and_the_rest_is_named(tmp_path):
    make_split_folders(tmp_path / "car_data" / "car_data")
    (tmp_path / "names.csv").write_text("x")
    listing = listing_of("cars", tmp_path)
    assert listing.summary == "Stanford Cars, 2 classes, own split (train and test folders)"
    assert listing.notes == ("left out: files that are no images by their names (1): names.csv",)


def test_annotations_of_other_images_say_so(tmp_path):
    root = make_cars_in_one_folder(tmp_path)
    (root / "car_ims").rename(root / "cars_train")
    with pytest.raises(FileNotFoundError, match=r"cars_annos.mat is about the images of car_ims/, which have other"):
        listing_of("cars", root)


@pytest.mark.parametrize(("field", "value"), [("class", 0), ("class", "x"), ("bbox_x1", "left"), ("class", 10**12)])
def test_annotations_that_make_no_sense_get_a_sentence(tmp_path, field, value):
    root = make_devkit(tmp_path, damage={field: value})
    (root / "devkit" / "cars_meta.mat").unlink()
    with pytest.raises(ValueError, match=r"cars_train_annos.mat should give each image a class and a box|at most 196"):
        listing_of("cars", root)
