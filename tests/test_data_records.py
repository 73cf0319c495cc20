"""What is held aside of the training images, and the notes of a data set."""

import hashlib
from dataclasses import replace

import pytest

from fgcore.data.records import LeftOut, Listing, Record, shortened


def listing(*counts, tests=1):
    """A data set with `counts` training images of each class, and `tests` test images."""
    train, test = (
        tuple(
            Record(target, None, None, None, f"{part}/{target}/{number}")
            for target, count in enumerate(counts)
            for number in range(count if part == "train" else tests)
        )
        for part in ("train", "test")
    )
    return Listing("set", "official split", tuple(f"class {target}" for target in range(len(counts))), train, test)


def identifiers(records):
    return {record.identifier for record in records}


def share_of(identifier):
    return int.from_bytes(hashlib.sha256(identifier.encode()).digest()[:8], "big") / 2**64


def test_nothing_is_held_aside_unless_it_is_asked_for():
    whole = listing(5, 5)
    assert whole.hold_aside(0) is whole
    assert not whole.held_aside


def test_a_fifth_is_held_aside_of_every_class_and_the_test_images_are_not_touched():
    whole = listing(*[300] * 20)
    held = whole.hold_aside(0.2)
    assert identifiers(held.train) | identifiers(held.test) == identifiers(whole.train)
    assert identifiers(held.train).isdisjoint(identifiers(held.test))
    counts = [sum(record.target == target for record in held.test) for target in range(20)]
    assert sum(counts) == pytest.approx(0.2 * 6000, rel=0.05)
    assert min(counts) > 35  # of 300: the draw is even over the classes
    assert identifiers(held.test) == {name for name in identifiers(whole.train) if share_of(name) < 0.2}
    assert (held.held_aside, held.test_part) == (True, "held-aside")
    assert held.class_names == whole.class_names


def test_whether_an_image_is_held_aside_depends_on_its_identifier_alone():
    whole = listing(60, 60)
    some = replace(whole, train=whole.train[:40] + whole.train[70:])
    more = listing(90, 90)
    first, second, third = (identifiers(each.hold_aside(0.2).test) for each in (whole, some, more))
    assert second == first & identifiers(some.train)
    assert first == third & identifiers(whole.train)
    assert first <= identifiers(whole.hold_aside(0.3).test)


@pytest.mark.parametrize("share", [0.001, 0.2, 0.9])
def test_one_image_of_a_class_stays_and_of_two_one_is_held_aside(share):
    held = listing(1, 2, 3, 4).hold_aside(share)
    for target, count in enumerate((1, 2, 3, 4)):
        train, test = (sum(record.target == target for record in part) for part in (held.train, held.test))
        assert train >= 1
        assert test >= (count > 1)
        assert train + test == count
    assert held.notes == ("no held-aside images, and so no figure of their own (1): class 0",)


def test_nothing_can_be_held_aside_of_single_images():
    with pytest.raises(ValueError, match=r"set needs held-aside images, and none of its 2 classes has any"):
        listing(1, 1).hold_aside(0.2)


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.5, "half"), (1 / 3, "a third"), (0.33, "a third"), (0.25, "a quarter"), (0.2, "a fifth"), (0.1, "a tenth"),
     (0.15, "15 %"), (0.125, "12.5 %")],
)  # fmt: skip
def test_the_split_says_in_words_what_was_held_aside(share, words):
    held = listing(50, 50).hold_aside(share)
    assert held.summary == f"set, 2 classes, official split, {words} of the training images held aside"


def test_notes_count_and_name_what_was_left_out_by_its_reason():
    files = tuple(LeftOut(f"{number}.txt", "files that are no images by their names") for number in range(6))
    noted = replace(listing(2, 2), left_out=(*files, LeftOut("a/b", "dead links")), remarks=("a remark",))
    assert noted.notes == (
        "a remark",
        "left out: files that are no images by their names (6): 0.txt, 1.txt, 2.txt, 3.txt and 2 more",
        "left out: dead links (1): a/b",
    )


def test_only_the_first_names_are_shown():
    assert shortened(["a", "b"]) == "a, b"
    assert shortened(list("abcdef")) == "a, b, c, d and 2 more"


def test_classes_without_training_images_are_refused_and_without_test_images_named():
    with pytest.raises(
        ValueError, match=r"every class of set needs training images, but class 1 has none; add some or"
    ):
        listing(2, 0).first(0)
    whole = listing(2, 2)
    partly = replace(whole, test=tuple(record for record in whole.test if record.target == 0)).first(0)
    assert partly.notes == ("no test images, and so no figure of their own (1): class 1",)


def test_names_that_no_checkpoint_takes_are_refused_with_the_data():
    with pytest.raises(ValueError, match="is one with control characters in it"):
        replace(listing(2, 2), class_names=("a", "b\x00")).first(0)
    assert replace(listing(2, 2, 2), class_names=("a", "b", "c\x00")).first(2).class_names == ("a", "b")
