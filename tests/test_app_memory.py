"""What the packages have made is taken out of the collector's sight, once for each load of packages."""

import gc
import sys

import pytest

from app import memory


@pytest.fixture(autouse=True)
def thawed():
    yield
    gc.unfreeze()


def test_settling_takes_the_loaded_packages_out_of_sight(monkeypatch):
    monkeypatch.setattr(memory, "_settled", 0)
    gc.unfreeze()
    seen = len(gc.get_objects())
    memory.settle()
    assert gc.get_freeze_count() > 0.9 * seen
    assert len(gc.get_objects()) < 0.1 * seen


def test_garbage_made_later_is_still_collected_and_a_second_call_freezes_nothing(monkeypatch):
    monkeypatch.setattr(memory, "_settled", 0)
    memory.settle()
    before = gc.get_freeze_count()
    rings = [[] for _ in range(1000)]
    for ring in rings:
        ring.append(ring)
    del ring, rings
    memory.settle()
    assert gc.get_freeze_count() <= before
    assert gc.collect() >= 1000


def test_packages_loaded_later_are_noticed(monkeypatch):
    monkeypatch.setattr(memory, "_settled", 0)
    memory.settle()
    for number in range(memory._GROWTH):
        monkeypatch.setitem(sys.modules, f"made_up_{number}", type(sys)(f"made_up_{number}"))
    before = gc.get_freeze_count()
    memory.settle()
    assert gc.get_freeze_count() > before
