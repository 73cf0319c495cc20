import json
import os
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import safetensors.torch
import torch

from app_helpers import write_checkpoint
from fgcore.checkpoints import checkpoint
from fgcore.checkpoints.checkpoint import CheckpointError
from fgcore.config import ModelConfig
from fgcore.methods import build_model
from fgcore.runs import store
from training_helpers import official_names

NAMES = ("Wren", "Tit", "Jay")


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The bytes of a small checkpoint."""
    path = tmp_path_factory.mktemp("good") / "mc_small.safetensors"
    write_checkpoint(path, "mc", NAMES, "cub")
    return path.read_bytes()


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """The bytes of a file as the authors' script saves it, of a network with 100 classes."""
    torch.manual_seed(0)
    state = official_names(build_model(ModelConfig("ap", "resnet18", num_classes=100, hidden=8)).state_dict())
    path = tmp_path_factory.mktemp("official") / "model_best.pth"
    torch.save(state, path)
    return path.read_bytes()


def known(folder):
    """What a caller would pass as `known`."""
    return lambda: [checkpoint.read_metadata(path) for path in sorted(folder.glob("*.safetensors"))]


def content(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_good_file_is_kept_as_it_is(good, tmp_path):
    kept = store.keep(tmp_path / "new" / "uploads", "mine.safetensors", memoryview(good))
    assert kept == store.Kept(tmp_path / "new" / "uploads" / "mine.safetensors", new=True)
    assert content(tmp_path / "new") == {"mine.safetensors": good}


def test_the_same_content_twice_is_one_file(good, tmp_path):
    first = store.keep(tmp_path, "mine.safetensors", good, known=known(tmp_path))
    again = store.keep(tmp_path, "other.safetensors", good, known=known(tmp_path))
    assert again == store.Kept(first.path, new=False)
    assert list(content(tmp_path)) == ["mine.safetensors"]


def test_the_same_content_from_six_threads_is_one_file(good, tmp_path):
    start = threading.Barrier(6)

    def bring(number):
        start.wait()
        return store.keep(tmp_path, f"file{number}.safetensors", good, known=known(tmp_path))

    with ThreadPoolExecutor(6) as pool:
        kept = list(pool.map(bring, range(6)))
    assert sum(each.new for each in kept) == 1
    assert len({each.path for each in kept}) == len(content(tmp_path)) == 1


def test_another_content_of_the_same_name_gets_another_name(good, tmp_path):
    write_checkpoint(tmp_path / "other.safetensors", "baseline", NAMES, "cub")
    other = (tmp_path / "other.safetensors").read_bytes()
    folder = tmp_path / "uploads"
    store.keep(folder, "mine.safetensors", good)
    second = store.keep(folder, "mine.safetensors", other)
    assert second.path.name == f"mine-{checkpoint.read_metadata(second.path).sha256[:8]}.safetensors"
    assert content(folder) == {"mine.safetensors": good, second.path.name: other}


def test_a_file_named_like_every_runs_best_is_named_after_its_experiment(good, tmp_path):
    assert store.keep(tmp_path, "best.safetensors", good).path.name == "mc_small.safetensors"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.safetensors", "passwd.safetensors"),
        ("C:\\temp\\a.SAFETENSORS", "a.safetensors"),
        (".hidden.safetensors", "hidden.safetensors"),
        ("<b>ü, x</b>.safetensors", "b.safetensors"),
        (f"{'n' * 300}.safetensors", f"{'n' * 60}.safetensors"),
        ("☃.safetensors", "checkpoint.safetensors"),
    ],
)
def test_a_name_cannot_leave_the_folder_or_hide_in_it(good, tmp_path, name, kept):
    assert store.keep(tmp_path / "uploads", name, good).path == tmp_path / "uploads" / kept
    assert list(content(tmp_path)) == [kept]


def huge_shape():
    """A header that promises a tensor of a million by a million."""
    header = b'{"w":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4000000000000]}}'
    return len(header).to_bytes(8, "little") + header + b"\0" * 64


class Evil:
    def __reduce__(self):
        return (os.system, ("touch ran",))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("pickle.safetensors", pickle.dumps(Evil())),
        ("pickle.pth", pickle.dumps(Evil())),
        ("text.safetensors", b"only words in here, and quite a few of them"),
        ("text.pt", b"only words"),
        ("empty.safetensors", b""),
        ("huge.safetensors", huge_shape()),
        ("keys.safetensors", safetensors.torch.save({"w": torch.ones(2)}, {"format": "finegrain-lens-1"})),
        ("plain.safetensors", safetensors.torch.save({"w": torch.ones(2)})),
        ("notes.txt", b"words"),
        ("noending", b"words"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_hostile_or_wrong_file_gets_one_sentence_and_changes_nothing(good, tmp_path, monkeypatch, name, data):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "uploads"
    store.keep(folder, "mine.safetensors", good)
    with pytest.raises(CheckpointError, match=name.partition(".")[0]) as caught:
        store.keep(folder, name, data, dataset="cub")
    assert "\n" not in str(caught.value)
    assert ".incoming" not in str(caught.value)
    assert content(tmp_path) == {"mine.safetensors": good}


def test_a_cut_or_foreign_checkpoint_is_refused_before_it_is_kept(good, tmp_path):
    tensors = safetensors.torch.load(good)
    metadata = header_of(good)
    name = next(iter(tensors))
    for data in (
        good[: len(good) // 2],
        safetensors.torch.save({key: value for key, value in tensors.items() if key != name}, metadata),
        safetensors.torch.save({**tensors, name: torch.zeros(3, 3)}, metadata),
        safetensors.torch.save({**tensors, name: torch.full_like(tensors[name], float("nan"))}, metadata),
    ):
        with pytest.raises(CheckpointError, match=r"^[^\n]+$"):
            store.keep(tmp_path, "mine.safetensors", data)
    assert content(tmp_path) == {}


def header_of(data):
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length])["__metadata__"]


def test_a_file_over_the_limit_is_refused(good, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "MAX_BYTES", len(good) - 1)
    with pytest.raises(CheckpointError, match="takes more than the"):
        store.keep(tmp_path, "mine.safetensors", good)
    assert content(tmp_path) == {}


def test_a_folder_that_cannot_be_made_is_told_in_one_sentence(good, tmp_path):
    (tmp_path / "uploads").write_bytes(b"a file where the folder should be")
    with pytest.raises(CheckpointError, match=r"mine.safetensors could not be kept: .*; nothing was changed"):
        store.keep(tmp_path / "uploads", "mine.safetensors", good)


def test_an_official_file_is_kept_as_a_checkpoint_once_for_each_data_set(official, tmp_path):
    kept = store.keep(tmp_path, "model_best.pth", official, dataset="aircraft", known=known(tmp_path))
    again = store.keep(tmp_path, "copy.pth", official, dataset="aircraft", known=known(tmp_path))
    source = checkpoint.read_metadata(kept.path)
    assert (kept.path.name, source.experiment.data.dataset) == ("model_best.safetensors", "aircraft")
    assert (source.experiment.model.method, len(source.class_names)) == ("ap", 100)
    assert source.provenance["command"] == "converted from model_best.pth, the authors' AP-CNN"
    assert again == store.Kept(kept.path, new=False)


def test_an_official_file_of_another_data_set_is_refused(official, tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.pth knows 100 classes, but cub has 200; choose its set"):
        store.keep(tmp_path, "model.pth", official, dataset="cub")
    with pytest.raises(ValueError, match="needs its data set: expected cub, cars, aircraft, folder, got ''"):
        store.keep(tmp_path, "model.pth", official)
    assert content(tmp_path) == {}


@pytest.mark.parametrize("name", ["model_best.pth.tar", "model_best.ckpt", "model_best.bin", "model_best.pt"])
def test_an_official_file_of_own_classes_takes_their_names(official, tmp_path, name):
    names = tuple(f"warbler {number}" for number in range(100))
    kept = store.keep(tmp_path, name, official, dataset="folder", class_names=names, known=known(tmp_path))
    source = checkpoint.read_metadata(kept.path)
    assert kept.path.name == "model_best.safetensors"
    assert (source.class_names, source.experiment.data.dataset) == (names, "folder")
    assert "class_names" not in source.provenance
    same = store.keep(tmp_path, name, official, dataset="folder", class_names=names, known=known(tmp_path))
    assert same == store.Kept(kept.path, new=False)
    nameless = store.keep(tmp_path / "b", name, official, dataset="folder")
    assert checkpoint.read_metadata(nameless.path).class_names[:2] == ("class 001", "class 002")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("one", "two"), "knows 100 classes, got 2 names; name each of them"),
        (("twin", *(f"warbler {number}" for number in range(98)), "twin"), "'twin' is the name of another class too"),
    ],
)
def test_names_that_do_not_fit_are_refused(official, tmp_path, names, sentence):
    with pytest.raises(ValueError, match=sentence):
        store.keep(tmp_path, "model.pth", official, dataset="folder", class_names=names)
    assert content(tmp_path) == {}


def test_only_what_lies_in_the_folder_can_be_removed(good, tmp_path):
    shipped = tmp_path / "shipped.safetensors"
    shipped.write_bytes(good)
    folder = tmp_path / "uploads"
    kept = store.keep(folder, "mine.safetensors", good).path
    for path in (shipped, folder / ".." / "shipped.safetensors", folder / "notes.txt"):
        with pytest.raises(ValueError, match="was not uploaded here"):
            store.remove(folder, path)
    store.remove(folder, kept)
    store.remove(folder, kept)  # twice is no error: another session may have been first
    assert content(tmp_path) == {"shipped.safetensors": good}


@pytest.mark.parametrize(
    ("path", "name"), [("checkpoints/mc_birds.safetensors", "mc_birds"), ("runs/mc-1/best.safetensors", "mc-1")]
)
def test_a_short_name_is_the_files_or_the_runs(tmp_path, path, name):
    assert store.short_name(tmp_path / path) == name
