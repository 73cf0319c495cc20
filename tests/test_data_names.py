"""Names of classes and of files: what stays, what is cleaned, what no checkpoint takes."""

import json

import pytest

from fgcore.data.names import MAX_NAME, check_class_names, class_names, clean, in_order, is_text

KEPT = (
    "Blue\u00a0Tit", "ヤマガラ\u3000幼鳥", "eagle 🦅\u200d👑", "1.", "2.robin", "1.4T", "Große Elster", "A_B*c [x]",
    "\u0645\u06cc\u200c\u062e", "x" * MAX_NAME, "new emoji \U0001fae9", "\uf8ff mac", "F/A-18", "100% <b>", "O'Brien",
)  # fmt: skip


@pytest.mark.parametrize("name", KEPT, ids=ascii)
def test_names_of_every_script_pass_and_survive_cleaning_and_json(name):
    check_class_names((name, "other"))
    assert clean(name) == name
    check_class_names(json.loads(json.dumps([name, "other"])))


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (("a", ""), "'' is blank; give it letters"),
        (("a", " \u3000"), r"' \\u3000' is blank"),
        (("a", "\u200b"), "is blank"),
        (("a", "x" * 201), "is 201 characters long, expected at most 200; shorten it"),
        (("a", "b\nc"), r"'b\\nc' is one with control characters in it; rename it"),
        (("a", "b\u2028c"), "is one with line breaks in it"),
        (("a", "Gr\udcfcnfink"), "is one with bytes that are no text in it"),
        (("a", "b", "a"), "'a' is the name of another class too"),
        (("a", 1), "should be a list of texts, got tuple"),
        ("ab", "should be a list of texts, got str"),
        (None, "should be a list of texts, got NoneType"),
    ],
)
def test_names_that_no_checkpoint_takes_are_refused_in_one_sentence(names, problem):
    with pytest.raises(ValueError, match=problem) as caught:
        check_class_names(names)
    assert "\n" not in str(caught.value)


def test_only_numbers_as_in_cub_go_and_only_where_all_names_have_them():
    assert class_names(["001.Black_footed_Albatross", "002.Laysan_Albatross"]) == (
        "Black footed Albatross",
        "Laysan Albatross",
    )
    for names in (("1.4T", "1.8T"), ("1.", "2.robin"), ("001.cat", "dog_house"), ("1.cat", "2.dog"), ("001.", "002.b")):
        assert class_names(names) == names


def test_numbers_stay_where_two_names_would_become_equal():
    assert class_names(["001.cat", "002.cat"]) == ("001.cat", "002.cat")


def test_class_folders_that_are_numbers_come_in_the_order_of_numbers():
    assert in_order({"10", "9", "1", "100"}) == ["1", "9", "10", "100"]
    assert in_order({"10", "9", "b"}) == ["10", "9", "b"]
    assert in_order({"010", "10", "2"}) == ["2", "010", "10"]


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("e\u0301tourneau", "\u00e9tourneau"),
        ("\u202aC\u202c wren \u00a0", "C wren"),
        ("\ufeffrobin", "robin"),
        ("Icon\r", "Icon"),
        ("a\nb", "a b"),
        ("photo\u202f.jpg", "photo\u202f.jpg"),
        ("Gr\udcfcnfink", "Grünfink"),
        ("\udcbd\udcf0", "\\xbd\\xf0"),
        ("a\udc81\udc8d", "a\\x81\\x8d"),
        ("lone \ud800", "lone \\ud800"),
        ("  wren ", "wren"),
    ],
)
def test_what_systems_add_to_names_is_cleaned_away(name, cleaned):
    assert clean(name) == cleaned
    assert clean(cleaned) == cleaned
    assert is_text(clean(name))
