import numpy as np
import pytest
from scipy.io import savemat

from tiny_sets import listing_of, make_aircraft, make_cub, make_devkit, make_split_folders

# --- CUB-200-2011 ------------------------------------------------------------------------------------------


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
            "needs images.txt in .* which holds bounding_boxes.txt, classes.txt, .* more; ",
        ),
        ("images/001.Black_footed_Albatross/b.jpg", FileNotFoundError, "lists 6 pictures, but 1 are not in .*/b.jpg; "),
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
            ("train_test_split.txt", "1 1\n2 1\n5 1\n6 1\n9 0\n11 1\n"),
            ValueError,
            "needs test pictures, but .* have none",
        ),
    ],
)
def test_a_half_unpacked_or_damaged_cub_gets_a_sentence(tmp_path, damage, error, sentence):
    root = make_cub(tmp_path)
    if isinstance(damage, str):
        (root / damage).unlink()
    else:
        (root / damage[0]).write_text(damage[1])
    with pytest.raises(error, match=sentence):
        listing_of("cub", root)


# --- Stanford Cars -----------------------------------------------------------------------------------------


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
    with pytest.raises(FileNotFoundError, match=r"needs cars_test_annos_withlabels.mat .* a separate download"):
        listing_of("cars", root)


def test_cars_half_unpacked_get_a_sentence(tmp_path):
    root = make_devkit(tmp_path)
    (root / "cars_test").rename(root / "elsewhere")
    with pytest.raises(FileNotFoundError, match=r"Stanford Cars needs cars_test in .* or bring class folders"):
        listing_of("cars", root)


def test_damaged_cars_annotations_get_a_sentence(tmp_path):
    root = make_devkit(tmp_path)
    (root / "devkit" / "cars_train_annos.mat").write_bytes(b"not MATLAB")
    with pytest.raises(ValueError, match=r"cars_train_annos.mat should be a MATLAB file with annotations, and is not"):
        listing_of("cars", root)


def test_cars_annotations_of_another_kind_get_a_sentence(tmp_path):
    root = make_devkit(tmp_path)
    savemat(root / "devkit" / "cars_train_annos.mat", {"annotations": np.eye(3)})
    with pytest.raises(ValueError, match=r"cars_train_annos.mat should hold fname, class, .* got None"):
        listing_of("cars", root)


def test_a_cars_label_beyond_the_classes_gets_a_sentence(tmp_path):
    root = make_devkit(tmp_path)
    savemat(root / "devkit" / "cars_meta.mat", {"class_names": np.array(["only one"], dtype=object)})
    with pytest.raises(ValueError, match=r"gives 00002.jpg class 2 of 1"):
        listing_of("cars", root)


# --- FGVC-Aircraft -----------------------------------------------------------------------------------------


def test_aircraft_is_read_with_train_and_val_as_training(tmp_path):
    root = make_aircraft(tmp_path / "fgvc-aircraft-2013b")
    for given in (root, tmp_path):
        listing = listing_of("aircraft", given)
        assert listing.summary == "FGVC-Aircraft, 2 classes, official split"
        assert listing.class_names == ("707-320", "Boeing 717")
        assert [record.target for record in listing.train] == [0, 1]
        assert [record.target for record in listing.test] == [1, 0]
        assert listing.train[0].identifier == "data/images/0000001.jpg"
        assert listing.train[0].box == (2, 4, 40, 30)
        assert listing.train[1].box is None


def test_aircraft_under_another_name_gets_a_sentence(tmp_path):
    root = make_aircraft(tmp_path / "planes")
    with pytest.raises(FileNotFoundError, match=r"needs a folder named fgvc-aircraft-2013b, got .*planes"):
        listing_of("aircraft", root)


def test_aircraft_half_unpacked_gets_a_sentence(tmp_path):
    root = make_aircraft(tmp_path / "fgvc-aircraft-2013b")
    (root / "data" / "images" / "0000003.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"lists 4 pictures, but 1 are not in .*0000003.jpg"):
        listing_of("aircraft", root)
    (root / "data" / "variants.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"needs data/variants.txt in .* which holds data;"):
        listing_of("aircraft", root)


def test_damaged_aircraft_lists_get_a_sentence(tmp_path):
    root = make_aircraft(tmp_path / "fgvc-aircraft-2013b")
    (root / "data" / "images_variant_test.txt").write_text("0000001 Zeppelin\n")
    with pytest.raises(ValueError, match=r"list a picture and a variant per line for test, and 'Zeppelin' is not one"):
        listing_of("aircraft", root)
