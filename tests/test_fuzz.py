"""A sample of `python -m benchmarks fuzz`: damaged files are read or refused in a sentence, whatever they hold."""

import json

import pytest

from benchmarks import fuzz


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_damaged_files_are_read_or_refused_in_a_sentence(kind):
    said = [fuzz.outcome(kind, data) for data in fuzz.files(kind, 24, seed=1)]
    assert {one for one in said if one not in ("read", "refused")} == set()
    assert "refused" in said


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_the_files_that_are_changed_are_good_but_for_the_hostile_ones(kind):
    whole = [bytes(data) for data in fuzz.KINDS[kind][0]()]
    if kind == "tables of CUB":
        whole = [b"\n".join(part.encode() for part in json.loads(data)) for data in whole]
    said = [fuzz.outcome(kind, data) for data in whole]
    assert set(said) <= {"read", "refused"}
    hostile = {"zip files": 2, "torch's files": len(whole), "checkpoints": 1}
    assert said.count("refused") <= hostile.get(kind, 0)


def test_changes_are_a_function_of_the_seed():
    one, two, other = (list(fuzz.files("images", 6, seed)) for seed in (1, 1, 2))
    assert one == two != other


def test_what_is_looked_for_would_be_found(monkeypatch):
    def crash(data, folder):
        raise ZeroDivisionError

    def two_lines(data, folder):
        raise ValueError("one\ntwo")

    def runs_code(data, folder):
        fuzz.pickle.loads(fuzz.pickle.dumps(fuzz.Bomb()))

    for reader, found in ((crash, "ZeroDivisionError"), (two_lines, "no plain sentence"), (runs_code, "CodeRan")):
        monkeypatch.setitem(fuzz.KINDS, "images", (*fuzz.KINDS["images"][:2], reader))
        assert fuzz.outcome("images", b"").startswith(found)
