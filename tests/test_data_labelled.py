import numpy as np
import pytest

from fgcore.config import DataConfig
from fgcore.data.images import encode_png
from fgcore.data.labelled import read_labelled

PNG = encode_png(np.zeros((40, 40, 3), np.uint8))
MODEL = ("Black footed Albatross", "Laysan Albatross", "Crested Auklet", "Büffel", "1.4T")
CONFIG = DataConfig(resize=32, crop=32)


@pytest.fixture
def photos(tmp_path):
    def make(*paths):
        for path in paths:
            (tmp_path / "mine" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "mine" / path).write_bytes(PNG)
        return tmp_path / "mine"

    return make


def test_any_subset_is_matched_by_name_and_the_rest_is_named(photos):
    root = photos("Laysan Albatross/a.png", "1.4T/b.png", "1.4T/c.png", "Dodo/d.png", "4T/e.png")
    found = read_labelled(root, MODEL, CONFIG)
    assert [(record.target, record.identifier) for record in found.images.records] == [
        (1, "Laysan Albatross/a.png"), (4, "1.4T/b.png"), (4, "1.4T/c.png"),
    ]  # fmt: skip
    assert found.images.class_names == MODEL
    assert found.unknown == {"Dodo": 1, "4T": 1}
    assert found.notes == ("folders of classes that the model does not know, left out (2): 4T (1), Dodo (1)",)
    assert "2 of the model's 5 classes" in found.images.title


@pytest.mark.parametrize(
    "folder",
    ["002.Laysan_Albatross", "laysan albatross", "LAYSAN-ALBATROSS", "2 Laysan Albatross", "Laysan.Albatross"],
)
def test_names_that_people_write_differently_are_the_same_class(photos, folder):
    found = read_labelled(photos(f"{folder}/a.png", "Crested Auklet/b.png"), MODEL, CONFIG)
    assert [record.target for record in found.images.records] == [1, 2]
    assert any(f"{folder} = Laysan Albatross" in note for note in found.notes)


def test_accents_do_not_matter_in_either_form(photos):
    found = read_labelled(photos("Bu\u0308ffel/a.png", "Crested Auklet/b.png"), MODEL, CONFIG)
    assert {record.target for record in found.images.records} == {3, 2}


def test_where_two_classes_are_alike_only_the_exact_name_counts(photos):
    found = read_labelled(photos("blue tit/a.png", "Blue_Tit/b.png"), ("Blue Tit", "blue tit", "crow"), CONFIG)
    assert [(record.target, record.identifier) for record in found.images.records] == [(1, "blue tit/a.png")]
    assert found.unknown == {"Blue_Tit": 1}


def test_images_of_both_parts_count(photos):
    root = photos(*(f"{part}/{name}/{n}.png" for part in ("train", "test") for name in MODEL[:2] for n in range(3)))
    found = read_labelled(root, MODEL, CONFIG)
    assert len(found.images) == 12
    assert found.images.part == "labelled"


def test_what_cannot_be_matched_gets_a_sentence(photos, tmp_path):
    with pytest.raises(ValueError, match="none is called like a class that the model knows: expected such as Black"):
        read_labelled(photos("cats/a.png", "dogs/b.png"), MODEL, CONFIG)
    with pytest.raises(FileNotFoundError, match="expected a folder of class folders at"):
        read_labelled(tmp_path / "nowhere", MODEL, CONFIG)
