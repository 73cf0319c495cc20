import dataclasses
import sys

import pytest

from fgcore.training import loop
from training_helpers import draw_pictures, tiny

events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


def scalars(folder):
    """Tag -> {step: value}."""
    found = events.EventAccumulator(str(folder / "tensorboard")).Reload()
    pairs = {tag: [(event.step, event.value) for event in found.Scalars(tag)] for tag in found.Tags()["scalars"]}
    assert all(len(dict(each)) == len(each) for each in pairs.values())  # no step twice
    return {tag: dict(each) for tag, each in pairs.items()}


def test_the_event_files_carry_the_loss_terms_and_scores_of_the_reports(root, tmp_path):
    experiment = dataclasses.replace(tiny(root, "ap", epochs=2), tensorboard=True)
    steps = []
    reports = list(loop.train(experiment, tmp_path / "run", on_step=steps.append))
    found = scalars(tmp_path / "run")
    for name in reports[0].terms:
        assert found[f"step/{name}"] == {n: pytest.approx(s.terms[name]) for n, s in enumerate(steps, start=1)}
        assert found[f"epoch/{name}"] == {3 * r.epoch: pytest.approx(r.terms[name]) for r in reports}
    assert found["test/top1"] == {3 * r.epoch: pytest.approx(r.test.top1) for r in reports}
    assert found["learning_rate/new"] == {3 * r.epoch: pytest.approx(r.learning_rates["new"]) for r in reports}
    assert "test/stage II concat" in found


def test_a_resumed_run_hides_the_steps_that_it_repeats(root, tmp_path):
    experiment = dataclasses.replace(tiny(root, epochs=2), tensorboard=True)

    class Crash(Exception):
        pass

    def die(report):
        if (report.epoch, report.step) == (2, 2):
            raise Crash

    with pytest.raises(Crash):
        list(loop.train(experiment, tmp_path / "run", on_step=die))
    list(loop.train(experiment, tmp_path / "run", resume=True))
    assert list(scalars(tmp_path / "run")["step/ce"]) == [1, 2, 3, 4, 5, 6]


def test_without_the_package_a_sentence_says_how_to_get_it(root, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    experiment = dataclasses.replace(tiny(root), tensorboard=True)
    with pytest.raises(ValueError, match="needs the package tensorboard, which is not installed: run `pip install"):
        loop.train(experiment, tmp_path / "run")
    list(loop.train(tiny(root, epochs=1), tmp_path / "other"))
