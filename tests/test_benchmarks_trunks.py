"""How the sweep over timm's architectures counts; `test_trunks_timm.py` runs it on a dozen of them."""

import json

import pytest

from benchmarks import trunks


def outcome(name, side=32, **problems):
    methods = {"baseline": "", "mc": "", "ap": ""} | problems
    return {"name": name, "stated": True, "side": side, "methods": methods}


OUTCOMES = [
    {"name": "vit", "stated": False},
    outcome("resnet"),
    outcome("swin", 224),
    outcome("hrnet", ap="refused: it cannot be split"),
    outcome("giant", 0, **dict.fromkeys(("baseline", "mc", "ap"), "too large: 2000 million weights")),
    outcome("broken", 0, **dict.fromkeys(("baseline", "mc", "ap"), "failed: RuntimeError: no")),
]


def test_what_works_with_every_method_is_counted_among_those_that_state_the_strides():
    rows = {row["what"]: row for row in trunks.rows_of(OUTCOMES)}
    assert {what: row["count"] for what, row in rows.items()} == {
        "Architectures of timm that work as trunk of every method": 2,
        "Architectures of timm that work as trunk: Baseline": 3,
        "Architectures of timm that work as trunk: MC-Loss": 3,
        "Architectures of timm that work as trunk: AP-CNN": 2,
        "of these at 32 or 64 pixels": 1,
    }
    assert {row["meaning"] for row in rows.values()} == {"of 5 that state strides 8, 16 and 32"}
    ap = rows["Architectures of timm that work as trunk: AP-CNN"]
    assert ap["others"] == {"refused": 1, "too large": 1, "failed": 1}
    assert ap["why"]["hrnet"] == "refused: it cannot be split"


def test_names_that_fit_are_those_that_some_method_takes_or_would_with_more_memory():
    assert trunks.fitting(OUTCOMES) == ["resnet", "swin", "hrnet", "giant"]


def test_an_architecture_whose_outcome_is_written_is_not_tried_again(tmp_path):
    journal = tmp_path / "trunks.jsonl"
    journal.write_text("".join(json.dumps(row) + "\n" for row in OUTCOMES))
    assert [*trunks._outcomes([row["name"] for row in OUTCOMES], journal)] == OUTCOMES
    assert len(journal.read_text().splitlines()) == len(OUTCOMES)


def test_a_refusal_a_fault_and_too_little_memory_are_told_apart():
    def failing(error):
        def attempt():
            raise error

        return attempt

    assert trunks._problem(lambda: None) == ""
    assert trunks._problem(failing(ValueError("it does not fit"))) == "refused: it does not fit"
    assert trunks._problem(failing(KeyError("x"))) == "failed: KeyError: 'x'"
    assert trunks._problem(failing(trunks._TooLargeError("9 GB"))) == "too large: 9 GB"


@pytest.mark.parametrize(("name", "stated"), [("resnet10t", True), ("vit_tiny_patch16_224", False)])
def test_whether_an_architecture_states_the_strides_is_asked_of_timm(name, stated):
    assert trunks.states_the_strides(name) is stated
