from pathlib import Path

import pytest

from fgcore.checkpoints.names import short_names


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["a/fewer.safetensors", "x/best.safetensors"], ["fewer", "x-best"]),
        (["runs/one/last.safetensors", "runs/two/last.safetensors"], ["one-last", "two-last"]),
        (["a/birds.safetensors", "b/birds.safetensors", "b/cars.safetensors"], ["a-birds", "b-birds", "cars"]),
        (["a/same/best.safetensors", "b/same/best.safetensors"], ["a-same-best", "b-same-best"]),
    ],
)
def test_a_name_is_the_files_own_with_as_much_of_its_folder_as_it_takes(tmp_path, paths, names):
    assert short_names([tmp_path / path for path in paths]) == names


def test_no_file_and_one_file_twice_are_refused():
    with pytest.raises(ValueError, match="expected at least one checkpoint, got none"):
        short_names([])
    with pytest.raises(ValueError, match=r"got fewer\.safetensors twice; name each once"):
        short_names([Path("fewer.safetensors"), Path("fewer.safetensors")])
