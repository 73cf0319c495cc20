"""How far a run is, from the file that training writes."""

import json
import os

import pytest

from fgcore.config import to_dict
from fgcore.runs import metrics, runs
from training_helpers import tiny


def step(epoch, at, steps=4, **terms):
    return {"kind": "step", "epoch": epoch, "step": at, "steps": steps, "terms": {"total": 1.0, **terms}} | {
        "top1": 0.5, "images_per_second": 10.0,
    }  # fmt: skip


def epoch(number, seconds):
    return {"kind": "epoch", "epoch": number, "epochs": 3, "seconds": seconds}


def write(folder, *lines, end="\n"):
    settings = {"experiment": to_dict(tiny("", epochs=3)), "provenance": {"data": "2 pictures"}}
    (folder / "experiment.json").write_text(json.dumps(settings))
    (folder / "metrics.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + end)
    return runs.read(folder)


def test_a_run_that_has_not_begun_has_no_metrics(tmp_path):
    assert metrics.read(tmp_path / "metrics.jsonl") == metrics.Metrics()
    (tmp_path / "metrics.jsonl").write_text("")
    assert metrics.read(tmp_path / "metrics.jsonl") == metrics.Metrics()


def test_steps_and_epochs_tell_how_far_it_is(tmp_path):
    so_far = write(tmp_path, step(1, 2), step(1, 4), epoch(1, 8.0), step(2, 1))
    assert [point.at for point in so_far.points] == [0.5, 1.0, 1.25]
    assert (so_far.at, so_far.total) == (1.25, 3)
    assert so_far.seconds_left == pytest.approx(1.75 * 8)
    assert so_far.data == "2 pictures"


def test_before_the_first_epoch_ends_nobody_knows_how_long_it_takes(tmp_path):
    assert write(tmp_path, step(1, 2)).seconds_left is None


def test_the_last_epochs_set_the_pace(tmp_path):
    lines = [epoch(number, seconds) for number, seconds in enumerate((100.0, 1.0, 2.0), start=1)]
    so_far = write(tmp_path, *lines[:2])
    assert so_far.seconds_left == pytest.approx(50.5)
    assert write(tmp_path, *lines).seconds_left == 0


def test_a_line_that_is_being_written_waits_for_its_end(tmp_path):
    so_far = write(tmp_path, step(1, 2), end='\n{"kind": "step", "epoch"')
    assert len(so_far.points) == 1


def test_new_lines_are_seen(tmp_path):
    assert len(write(tmp_path, step(1, 1)).points) == 1
    so_far = write(tmp_path, step(1, 1), step(1, 2))
    assert len(so_far.points) == 2


def test_a_line_that_is_no_report_is_named(tmp_path):
    write(tmp_path, step(1, 1))
    (tmp_path / "metrics.jsonl").write_text("no json\n")
    os.utime(tmp_path / "metrics.jsonl")
    with pytest.raises(ValueError, match="holds a line that is no report: 'no json'"):
        runs.read(tmp_path)


def test_the_end_of_an_epoch_is_found_in_bytes(tmp_path):
    write(tmp_path, step(1, 4), epoch(1, 8.0), step(2, 1), epoch(2, 8.0))
    text = (tmp_path / "metrics.jsonl").read_bytes()
    end = metrics.end_of(tmp_path / "metrics.jsonl", 1)
    assert text[:end].splitlines()[-1].startswith(b'{"kind": "epoch", "epoch": 1')
    assert text[end:].startswith(b'{"kind": "step"')
    assert metrics.end_of(tmp_path / "metrics.jsonl", 3) == 0
