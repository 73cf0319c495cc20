"""MATLAB files are read by a process that may die of them."""

import os

import numpy as np
import pytest
from scipy.io import savemat

from fgcore.data.published import matlab
from tiny_sets import annotations


@pytest.fixture
def names(tmp_path):
    path = tmp_path / "names.mat"
    savemat(path, {"class_names": np.array(["Acura RL 2012", "Ram C/V", "ヤマガラ"], dtype=object)})
    return path


@pytest.mark.parametrize("compressed", [True, False])
def test_structures_texts_and_numbers_come_as_pythons_own(tmp_path, names, compressed):
    rows = [(1, "a.jpg", 2.5), (300, "b.jpg", np.uint8(7))]
    savemat(tmp_path / "rows.mat", annotations(("class", "fname", "x"), *rows), do_compression=compressed)
    found, texts = matlab.read((tmp_path / "rows.mat", "annotations"), (names, "class_names"))
    assert found == matlab.Variable(("class", "fname", "x"), ([1, "a.jpg", 2.5], [300, "b.jpg", 7]))
    assert texts.rows == ("Acura RL 2012", "Ram C/V", "ヤマガラ")
    assert matlab.read((tmp_path / "rows.mat", "annotations")) == [found]


def test_what_is_neither_text_nor_number_is_no_value(tmp_path):
    savemat(tmp_path / "rows.mat", annotations(("a", "b"), (np.eye(2), "x"), (1 + 2j, "y")))
    (found,) = matlab.read((tmp_path / "rows.mat", "annotations"))
    assert [row[0] for row in found.rows] == ["<ndarray>", "<complex>"]


def test_a_file_is_read_again_when_it_has_changed(names):
    before = matlab.read((names, "class_names"))
    savemat(names, {"class_names": np.array(["one", "two"], dtype=object)})
    os.utime(names, ns=(1, 1))
    assert matlab.read((names, "class_names"))[0].rows == ("one", "two") != before[0].rows


def test_the_file_that_could_not_be_read_is_named(tmp_path, names):
    (tmp_path / "junk.mat").write_bytes(b"no MATLAB")
    for path, variable in ((tmp_path / "junk.mat", "x"), (names, "annotations"), (tmp_path / "gone.mat", "x")):
        with pytest.raises(ValueError, match=rf"^{path.name} should be a MATLAB file with {variable}, and is"):
            matlab.read((names, "class_names"), (path, variable))


def test_a_file_too_large_for_annotations_is_not_opened(tmp_path, names, monkeypatch):
    monkeypatch.setattr(matlab, "MAX_BYTES", names.stat().st_size - 1)
    with pytest.raises(ValueError, match=r"names.mat should be a MATLAB file"):
        matlab.read((names, "class_names"))


@pytest.mark.parametrize("end", ["import os; os.abort()", "import time; time.sleep(60)", "print('[[], [', end='')"])
def test_a_reader_that_dies_or_never_ends_is_a_sentence(tmp_path, names, monkeypatch, end):
    (tmp_path / "reader.py").write_text(f"print('[[], [1]]', flush=True)\n{end}\n")
    monkeypatch.setattr(matlab, "__file__", str(tmp_path / "reader.py"))
    monkeypatch.setattr(matlab, "_SECONDS", 5)
    other = tmp_path / "other.mat"
    other.write_bytes(b"")
    with pytest.raises(ValueError, match=r"^other.mat should be a MATLAB file with annotations"):
        matlab.read((names, "class_names"), (other, "annotations"))
