import pytest

from fgcore.config import DataConfig
from fgcore.data.readers import TEST_SEEDS, read, sample_seed
from tiny_sets import listing_of, make_cub, make_split_folders


@pytest.fixture(autouse=True)
def _no_data_folder(monkeypatch):
    monkeypatch.delenv("FG_DATA", raising=False)


# --- where the folder is -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dataset", ["cub", "cars", "aircraft"])
def test_without_any_folder_the_sentence_says_both_ways_to_name_it(dataset):
    with pytest.raises(
        FileNotFoundError, match=r"none was given: set data.root to it, or set FG_DATA to the folder that"
    ):
        read(DataConfig(dataset=dataset))


def test_an_fg_data_without_the_data_set_says_what_it_holds(tmp_path, monkeypatch):
    (tmp_path / "flowers").mkdir()
    monkeypatch.setenv("FG_DATA", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=r"in FG_DATA, but .* holds flowers: set data.root .* holds CUB_200_2011 or birds"
    ):
        read(DataConfig(dataset="cub"))


def test_a_root_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"in data.root, but nowhere does not exist: set data.root to it"):
        listing_of("cub", tmp_path / "nowhere")


def test_plain_folders_are_named_by_root_only(tmp_path, monkeypatch):
    monkeypatch.setenv("FG_DATA", str(tmp_path))
    with pytest.raises(
        FileNotFoundError, match=r"dataset=folder needs a folder .* none was given: set data.root to it$"
    ):
        read(DataConfig(dataset="folder"))


def test_a_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "CUB.tgz").write_bytes(b"archive")
    with pytest.raises(FileNotFoundError, match=r"in data.root, but CUB.tgz is not a folder"):
        listing_of("cub", tmp_path / "CUB.tgz")


def test_the_folder_above_the_data_set_will_do(tmp_path):
    make_cub(tmp_path / "CUB_200_2011")
    assert listing_of("cub", tmp_path).train[0].path.is_relative_to(tmp_path / "CUB_200_2011")


def test_without_a_root_the_folder_is_found_under_fg_data(tmp_path, monkeypatch):
    make_cub(tmp_path / "CUB_200_2011")
    monkeypatch.setenv("FG_DATA", str(tmp_path))
    assert len(read(DataConfig(dataset="cub")).train) == 3


def test_cars_are_found_under_each_of_their_names(tmp_path, monkeypatch):
    monkeypatch.setenv("FG_DATA", str(tmp_path))
    for name in ("StandCars", "cars", "stanford_cars"):  # the first of the usual names counts
        root = make_split_folders(tmp_path / name)
        assert read(DataConfig(dataset="cars")).train[0].path.is_relative_to(root)


# --- drawn samples -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["birds", "cars"])
def test_drawn_samples_are_numbered_by_class_and_split(kind):
    listing = read(DataConfig(dataset=f"synthetic_{kind}", classes=2, train_per_class=3, test_per_class=2))
    assert [record.identifier for record in listing.train] == [f"{kind}/{c:03d}/{n}" for c in (0, 1) for n in range(3)]
    assert listing.test[-1].identifier == f"{kind}/001/{TEST_SEEDS + 1}"
    assert [record.target for record in listing.test] == [0, 0, 1, 1]
    assert listing.summary.startswith(f"synthetic {kind}, first 2 of ")
    assert listing.summary.endswith(" classes, 3 + 2 drawn per class")


def test_no_two_drawn_samples_share_a_seed():
    numbers = [*range(5), TEST_SEEDS - 1, *range(TEST_SEEDS, TEST_SEEDS + 5), 2 * TEST_SEEDS - 1]
    seeds = {sample_seed(target, number) for target in range(300) for number in numbers}
    assert len(seeds) == 300 * len(numbers)


@pytest.mark.parametrize(("name", "part"), [("train_per_class", "training"), ("test_per_class", "test")])
def test_no_drawn_samples_at_all_get_a_sentence(name, part):
    with pytest.raises(ValueError, match=f"synthetic birds needs {part} images"):
        read(DataConfig(**{name: 0}))


def test_a_share_of_the_drawn_training_samples_can_be_held_aside():
    listing = read(DataConfig(classes=3, train_per_class=20, holdout=0.25))
    assert listing.summary.endswith("20 + 10 drawn per class, a quarter of the training images held aside")
    assert len(listing.train) + len(listing.test) == 60
    assert all(int(record.identifier.rpartition("/")[2]) < TEST_SEEDS for record in listing.test)
