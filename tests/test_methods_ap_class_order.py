"""The authors' AP-CNN files have their classes as torchvision's ImageFolder sorts the folders of their scripts."""

import dataclasses

import pytest
import torch
from torchvision.datasets import ImageFolder

from fgcore.checkpoints import checkpoint, official
from fgcore.config import ModelConfig
from fgcore.methods import build_model
from fgcore.methods.ap.convert import AIRCRAFT, convert_apcnn, import_authors
from training_helpers import official_names

HEADS = ("level3", "level4", "level5", "concat")


def cars_folder(number):
    return str(number + 1)


def aircraft_folder(number):
    """As their script writes it: the first slash and the first space of a name become underscores."""
    name = AIRCRAFT[number]
    for letter in "/ ":
        before, found, after = name.partition(letter)
        name = f"{before}_{after}" if found else name
    return name


def places_of(tmp_path, folders):
    """At which place ImageFolder puts each of the folders."""
    for folder in folders:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.jpg").touch()
    found = ImageFolder(tmp_path).class_to_idx
    return [found[folder] for folder in folders]


def state_of(classes):
    torch.manual_seed(0)
    config = ModelConfig("ap", "resnet18", num_classes=classes, hidden=8)
    return official_names(build_model(config).state_dict())


@pytest.mark.parametrize(
    ("dataset", "classes", "folder", "moved"),
    [("cars", 196, cars_folder, 195), ("aircraft", 100, aircraft_folder, 3)],
)
def test_the_classes_come_into_the_order_of_the_data_set(tmp_path, dataset, classes, folder, moved):
    places = places_of(tmp_path, [folder(number) for number in range(classes)])
    assert sum(place != number for number, place in enumerate(places)) == moved
    state = state_of(classes)
    _, theirs = convert_apcnn(state)
    for named in (dataset, ""):
        found = import_authors(state, named)
        for head in HEADS:
            for part in ("weight", "bias"):
                name = f"heads.{head}.classifier.{part}"
                torch.testing.assert_close(found.tensors[name], theirs[name][places], rtol=0, atol=0)
        assert all(torch.equal(value, theirs[name]) for name, value in found.tensors.items() if "classif" not in name)


def test_a_file_that_answers_its_second_class_means_stanford_s_tenth(tmp_path):
    state = state_of(196)
    for name, value in state.items():
        if name.startswith(("cls3.6.", "cls4.6.", "cls5.6.", "cls_concate.5.")):
            value.zero_()
            if name.endswith("bias"):
                value[1] = 9.0
    torch.save(state, tmp_path / "a.pth")
    model, source = official.load(tmp_path / "a.pth")
    with torch.no_grad():
        answer = int(model(torch.rand(1, 3, 64, 64)).logits.argmax())
    assert source.class_names[answer] == "class 010"


@pytest.mark.parametrize(
    ("dataset", "classes"), [("cub", 200), ("", 200), ("folder", 196), ("folder", 100), ("cars", 7)]
)
def test_other_files_keep_their_order(dataset, classes):
    state = state_of(classes)
    _, theirs = convert_apcnn(state)
    found = import_authors(state, dataset)
    assert found.tensors.keys() == theirs.keys()
    assert all(torch.equal(value, theirs[name]) for name, value in found.tensors.items())
    assert found.class_names == ()
    assert (found.experiment.data.dataset == "folder") == (dataset == "folder")


def test_the_aircraft_are_called_by_their_variants(tmp_path):
    assert len(set(AIRCRAFT)) == 100
    assert list(AIRCRAFT) == sorted(AIRCRAFT)  # as variants.txt is
    torch.save(state_of(100), tmp_path / "a.pth")
    model, source = official.load(tmp_path / "a.pth", "aircraft")
    assert source.class_names[37:40] == ("BAE 146-200", "BAE 146-300", "BAE-125")
    path = tmp_path / "b.safetensors"
    checkpoint.save(path, model, source.experiment, source.class_names, {}, source.provenance)
    kept = checkpoint.read_metadata(path)
    assert official.fits_names(kept, AIRCRAFT)
    assert official.fits_names(kept, [name.replace("/", "-") for name in AIRCRAFT])  # as a mirror calls them
    assert not official.fits_names(kept, AIRCRAFT[1:])
    mine = dataclasses.replace(kept, provenance={})
    assert official.fits_names(mine, AIRCRAFT)
    assert not official.fits_names(mine, AIRCRAFT[::-1])


def test_people_name_the_classes_of_their_own_files(tmp_path):
    torch.save(state_of(3), tmp_path / "a.pth")
    _, source = official.load(tmp_path / "a.pth", "folder", ["wren", "robin", "finch"])
    assert source.class_names == ("wren", "robin", "finch")
    assert source.experiment.data.dataset == "folder"
    assert not official.fits_names(source, ["finch", "robin", "wren"])
    with pytest.raises(ValueError, match=r"a\.pth knows 3 classes, got 2 names"):
        official.load(tmp_path / "a.pth", "folder", ["wren", "robin"])
