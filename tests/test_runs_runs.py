import dataclasses
import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest

from fgcore.config import override
from fgcore.runs import runs
from fgcore.runs.folder import RunFolder
from fgcore.training import loop
from training_helpers import draw_pictures, tiny


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures") / "finches", train=3, test=1)


@pytest.fixture(scope="module")
def folder(root, tmp_path_factory):
    """A finished run, one that stopped after its first epoch, one that stopped before, and a damaged one."""
    folder = tmp_path_factory.mktemp("runs")
    list(loop.train(tiny(root, epochs=2), folder / "whole"))
    stopped = loop.train(override(tiny(root, "mc", epochs=3), {"mc_weight": "0.1"}), folder / "deep" / "stopped")
    next(stopped)
    stopped.close()
    loop.train(tiny(root), folder / "begun").close()
    RunFolder(folder / "begun").release()
    (folder / "damaged").mkdir()
    (folder / "damaged" / "experiment.json").write_text("{}")
    return folder


def test_the_table_has_a_row_for_every_run(folder):
    table = runs.table(folder)
    assert list(table.index) == ["begun", "damaged", "deep/stopped", "whole"]
    assert list(table.columns) == list(runs.COLUMNS)
    assert table.state.to_dict() == {
        "begun": "stopped",
        "damaged": "unreadable",
        "deep/stopped": "stopped",
        "whole": "finished",
    }
    whole = table.loc["whole"]
    assert (whole.preset, whole.method, whole["data"], whole.seed) == ("tiny", "baseline", "folder finches", 1)
    assert (whole.epochs_done, whole.epochs) == (2, 2)
    assert (table.loc["deep/stopped"].epochs_done, table.loc["deep/stopped"].epochs) == (1, 3)
    assert table.best_top1.isna().to_dict() == {"begun": True, "damaged": True, "deep/stopped": False, "whole": False}


def test_its_figures_are_those_of_the_reports(folder):
    lines = [json.loads(line) for line in (folder / "whole" / "metrics.jsonl").read_text().splitlines()]
    epochs = [line for line in lines if line["kind"] == "epoch"]
    row = runs.table(folder).loc["whole"]
    assert row.last_top1 == 100 * epochs[-1]["test"]["top1"]
    assert row.best_top1 == 100 * max(epoch["test"]["top1"] for epoch in epochs)
    assert row.seconds == pytest.approx(sum(epoch["seconds"] for epoch in epochs))


def test_a_run_that_goes_on_is_running_and_a_half_written_line_does_not_count(root, tmp_path):
    reports = loop.train(tiny(root), tmp_path / "run")
    next(reports)
    with (tmp_path / "run" / "metrics.jsonl").open("a") as file:
        file.write('{"kind": "epoch", "ep')
    assert runs.table(tmp_path).loc["run", ["state", "epochs_done"]].tolist() == ["running", 1]
    reports.close()
    assert runs.table(tmp_path).loc["run", "state"] == "stopped"


def test_a_run_is_its_own_table(folder):
    assert list(runs.table(folder / "whole").index) == ["whole"]


def test_a_folder_without_runs_is_an_empty_table_and_none_is_a_sentence(tmp_path):
    assert len(runs.table(tmp_path)) == 0
    with pytest.raises(FileNotFoundError, match="expected a folder of runs, found none at"):
        runs.table(tmp_path / "nothing")


def test_two_runs_differ_in_these_settings_and_figures(folder):
    one, two = folder / "whole", folder / "deep" / "stopped"
    settings, metrics = runs.compare(one, two)
    assert settings.to_dict("index") == {
        "loss.kind": {str(one): "ce", str(two): "mc"},
        "model.method": {str(one): "baseline", str(two): "mc"},
        "optim.epochs": {str(one): 2, str(two): 3},
    }
    assert set(runs.compare(two, one)[0].index) == set(settings.index)
    assert metrics.loc["epochs done"].tolist() == [2, 1]
    assert metrics.loc["training diversity"].isna().tolist() == [True, False]
    row = runs.table(folder).loc["whole"]
    assert metrics.loc["test top-1 (%)", str(one)] == row.last_top1
    assert metrics.loc["seconds per epoch", str(one)] == pytest.approx(row.seconds / 2)


def test_what_cannot_be_compared_gets_a_sentence(folder, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no run: expected experiment.json in it"):
        runs.compare(folder / "whole", tmp_path)
    with pytest.raises(ValueError, match=r"expected two runs, got .* twice"):
        runs.compare(folder / "whole", folder / "whole")
    with pytest.raises(ValueError, match=r"the run in .*damaged cannot be read: 'experiment'"):
        runs.compare(folder / "whole", folder / "damaged")


def test_the_environment_is_kept_without_the_machines_name(folder, monkeypatch):
    import platform

    described = runs.read(folder / "whole").provenance
    assert {"torch", "torchvision", "python", "device", "threads", "commit", "processes"} <= described.keys()
    name = platform.node()
    assert name not in [word for value in described.values() for word in str(value).replace(",", " ").split()]


def test_mean_and_spread_are_taken_over_the_seeds_of_each_recipe(folder, monkeypatch):
    scores = {("a", 1): 70.0, ("a", 2): 74.0, ("b", 1): 60.0, ("again", 1): 71.0, ("stopped", 3): 99.0}
    recipes = {"a": tiny("finches"), "again": tiny("finches"), "b": tiny("finches", "mc", lr=0.5)}
    fakes = {}
    for (name, seed), score in scores.items():
        experiment = dataclasses.replace(recipes.get(name, recipes["a"]), seed=seed)
        state = "stopped" if name == "stopped" else "finished"
        row = {"state": state, "seed": seed, "last_top1": score}
        fakes[Path(f"{name}-{seed}")] = SimpleNamespace(experiment=experiment, row=lambda row=row: row)
    monkeypatch.setattr(runs, "_run_folders", lambda _: list(fakes))
    monkeypatch.setattr(runs, "read", lambda path: fakes[path])
    first, second = runs.over_seeds(folder).to_dict("records")
    assert (first["method"], first["seeds"], first["changed"]) == ("baseline", "1, 2", "")
    assert (first["mean"], first["lowest"], first["highest"]) == (72.5, 71.0, 74.0)  # of seed 1 the later path
    assert first["std"] == pytest.approx(2.1213, abs=1e-4)
    assert (second["method"], second["changed"]) == ("mc", "loss.kind=mc, model.method=mc, optim.lr=0.5")
    assert math.isnan(second["std"])


def test_runs_of_one_recipe_become_one_row(folder):
    table = runs.over_seeds(folder)
    assert list(table.columns) == list(runs.SEED_COLUMNS)
    assert table.seeds.tolist() == ["1"]
    assert table["mean"][0] == runs.table(folder).last_top1["whole"]
