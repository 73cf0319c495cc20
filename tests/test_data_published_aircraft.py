"""FGVC-Aircraft in the layouts in which people have it."""

import pytest

from tiny_sets import listing_of, make_aircraft, make_split_folders


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


def flat(root):
    """As the AP-CNN authors' README has it: without the folder data."""
    for path in (root / "data").iterdir():
        path.rename(root / path.name)
    (root / "data").rmdir()
    return root


@pytest.mark.parametrize("place", ["planes", "airs", "fgvc-aircraft-2013b/fgvc-aircraft-2013b", "a/b/fgvc"])
@pytest.mark.parametrize("arranged", [make_aircraft, lambda root: flat(make_aircraft(root))], ids=["data", "flat"])
def test_aircraft_is_found_under_any_name_and_with_or_without_its_folder_data(tmp_path, place, arranged):
    plain = listing_of("aircraft", make_aircraft(tmp_path / "plain" / "fgvc-aircraft-2013b"))
    arranged(tmp_path / "other" / place)
    listing = listing_of("aircraft", tmp_path / "other")
    assert listing.class_names == plain.class_names
    for part in ("train", "test"):
        rows = [[(r.target, r.box, r.identifier, r.path.name) for r in getattr(x, part)] for x in (listing, plain)]
        assert rows[0] == rows[1]


@pytest.mark.parametrize("place", ["{}.jpg", "images/Boeing/{}.jpg", "images/{}.JPG"], ids=["beside", "sorted", "JPG"])
def test_images_are_found_by_their_names_where_a_mirror_put_them(tmp_path, place):
    plain, root = listing_of("aircraft", make_aircraft(tmp_path / "plain")), make_aircraft(tmp_path / "mirror")
    data = root / "data"
    for path in (data / "images").iterdir():
        moved = data / place.format(path.stem)
        moved.parent.mkdir(exist_ok=True)
        path.rename(moved)
    if place == "{}.jpg":
        (data / "images").rmdir()
    listing = listing_of("aircraft", root)
    assert [(r.identifier, r.target) for r in listing.train] == [(r.identifier, r.target) for r in plain.train]
    assert [record.path for record in listing.test] == [data / place.format(stem) for stem in ("0000004", "0000003")]


def test_lists_may_name_the_files_of_their_images(tmp_path):
    plain, root = listing_of("aircraft", make_aircraft(tmp_path / "plain")), make_aircraft(tmp_path / "other")
    for path in (root / "data").glob("images_*.txt"):
        path.write_text("".join(f"images/{line[:7]}.jpg{line[7:]}\n" for line in path.read_text().splitlines()))
    rows = [
        [(r.target, r.box, r.identifier) for r in listing.train] for listing in (listing_of("aircraft", root), plain)
    ]
    assert rows[0] == rows[1]


@pytest.mark.parametrize(
    ("labels", "title", "names", "targets"),
    [
        ("family", "FGVC-Aircraft families", ("Boeing 707", "Boeing 717"), [0, 1]),
        ("manufacturer", "FGVC-Aircraft manufacturers", ("Boeing",), None),
    ],
)
def test_families_and_manufacturers_are_label_sets_of_their_own(tmp_path, labels, title, names, targets):
    root = make_aircraft(tmp_path)
    if targets is None:
        with pytest.raises(ValueError, match=rf"at least two classes, got 1 of {title} \(Boeing\)"):
            listing_of("aircraft", root, labels=labels)
        return
    listing = listing_of("aircraft", root, labels=labels)
    assert (listing.title, listing.class_names) == (title, names)
    assert [record.target for record in listing.train] == targets


def test_a_level_whose_lists_are_missing_is_said_by_the_names_of_the_lists(tmp_path):
    root = make_aircraft(tmp_path)
    (root / "data" / "images_family_test.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"FGVC-Aircraft families needs images_family_test.txt in .*, which h"):
        listing_of("aircraft", root, labels="family")


def test_train_and_val_lists_stand_in_for_their_union_and_the_list_of_classes_may_be_missing(tmp_path):
    root = make_aircraft(tmp_path)
    data = root / "data"
    first, second = (data / "images_variant_trainval.txt").read_text().splitlines()
    (data / "images_variant_train.txt").write_text(f"\ufeff{first}\r\n\r\n", encoding="utf-8")
    (data / "images_variant_val.txt").write_text(f"{second}\n")
    for name in ("images_variant_trainval.txt", "variants.txt"):
        (data / name).unlink()
    listing = listing_of("aircraft", root)
    assert listing.class_names == ("707-320", "Boeing 717")
    assert [record.path.stem for record in listing.train] == ["0000001", "0000002"]


def test_aircraft_divided_into_class_folders_is_read_by_variant_only(tmp_path):
    make_split_folders(tmp_path / "Aircraft")
    assert listing_of("aircraft", tmp_path).split == "own split (train and test folders)"
    with pytest.raises(FileNotFoundError, match=r"FGVC-Aircraft families needs images, images_family_trainval"):
        listing_of("aircraft", tmp_path, labels="family")


def test_aircraft_half_unpacked_gets_a_sentence(tmp_path):
    root = make_aircraft(tmp_path / "fgvc-aircraft-2013b")
    (root / "data" / "images" / "0000003.jpg").unlink()
    with pytest.raises(FileNotFoundError, match=r"lists 4 images, but 1 are not there, the first being .*0000003.jpg"):
        listing_of("aircraft", root)
    (root / "data" / "images_variant_test.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"needs images_variant_test.txt, or class folders .* holds data;"):
        listing_of("aircraft", root)


def test_damaged_aircraft_lists_get_a_sentence(tmp_path):
    root = make_aircraft(tmp_path / "fgvc-aircraft-2013b")
    (root / "data" / "images_variant_test.txt").write_text("0000001 Zeppelin\n")
    with pytest.raises(ValueError, match=r"variants.txt should list every variant, and lacks 'Zeppelin';"):
        listing_of("aircraft", root)
    (root / "data" / "images_variant_test.txt").write_text("0000001\n")
    with pytest.raises(ValueError, match=r"_variant_test.txt should list an image and a class per line, got '0000001'"):
        listing_of("aircraft", root)
    (root / "data" / "images_box.txt").write_text("0000001 3 5 x 30\n")
    (root / "data" / "images_variant_test.txt").write_text("0000004 Boeing 717\n")
    with pytest.raises(ValueError, match=r"images_box.txt should hold four numbers per image, but could not convert"):
        listing_of("aircraft", root)
