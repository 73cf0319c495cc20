import json
import math

import pytest
import torch

from fgcore.evaluation.metrics import Counter, merged
from fgcore.methods.ap.output import APCNNOutput, Stage
from fgcore.methods.baseline.output import BaselineOutput

NAMES = ("a", "b", "c", "d", "e", "f", "g")


def output(*rows):
    return BaselineOutput(torch.zeros(len(rows), 1, 1, 1), torch.tensor(rows, dtype=torch.float32), 5)


def score(counter, names=NAMES):
    return counter.result(names, data="by hand", precision="fp32", seconds=0.0)


@pytest.fixture
def by_hand():
    """Five images of seven classes. Ranks of the true class: 1, 1, 2, 6, 7."""
    counter = Counter(7, torch.device("cpu"))
    counter.add(
        output([9, 1, 2, 3, 4, 5, 6], [9, 1, 2, 3, 4, 5, 6], [9, 8, 1, 2, 3, 4, 5]),
        torch.tensor([0, 0, 1]),
    )
    counter.add(output([9, 1, 2, 3, 4, 5, 6], [9, 1, 8, 3, 4, 5, 6]), torch.tensor([2, 1]))
    return score(counter)


def test_counts_of_several_processes_add_up_though_one_saw_nothing():
    rows, targets = [[9, 1, 2], [1, 9, 2], [1, 2, 9], [3, 2, 1]], torch.tensor([0, 1, 1, 2])
    counters = [Counter(3, torch.device("cpu")) for _ in range(4)]
    for counter, part in zip(counters, (slice(0, 4), slice(0, 1), slice(1, 4)), strict=False):
        counter.add(output(*rows[part]), targets[part])
    whole, *parts = counters
    assert score(merged(parts), NAMES[:3]) == score(merged(parts[::-1]), NAMES[:3]) == score(whole, NAMES[:3])


def test_top1_and_top5_are_shares_of_all_images(by_hand):
    assert (by_hand.images, by_hand.top1, by_hand.top5) == (5, 2 / 5, 3 / 5)


def test_classes_count_their_own_images(by_hand):
    scores = {c.name: (c.images, c.top1, c.top5) for c in by_hand.classes if c.images}
    assert scores == {"a": (2, 1.0, 1.0), "b": (2, 0.0, 0.5), "c": (1, 0.0, 0.0)}


def test_a_class_without_images_has_no_score(by_hand):
    assert math.isnan(by_hand.classes[6].top1)
    assert by_hand.to_dict()["classes"][6]["top1"] is None


def test_a_class_names_what_it_was_taken_for(by_hand):
    assert [(c.taken_for, c.taken_for_images) for c in by_hand.classes[:3]] == [("", 0), ("a", 2), ("a", 1)]


def test_the_class_mean_counts_every_class_with_images_alike(by_hand):
    assert by_hand.class_mean == pytest.approx((1 + 0 + 0) / 3)
    assert by_hand.to_dict()["class_mean"] == by_hand.class_mean


def test_the_confusion_lists_the_pairs_that_occur(by_hand):
    table = by_hand.confusion_table()
    assert table.to_numpy().tolist() == [["a", "a", 2], ["b", "a", 2], ["c", "a", 1]]
    assert "confusion" not in by_hand.to_dict()


def test_tables_are_in_percent(by_hand):
    assert by_hand.head_table().loc["head"].tolist() == [40, 60]
    assert by_hand.class_table().loc["b", ["images", "top1", "top5"]].tolist() == [2, 0, 50]


def test_the_dictionary_is_strict_json(by_hand):
    assert json.loads(json.dumps(by_hand.to_dict(), allow_nan=False))["top1"] == 0.4


def test_top5_of_fewer_than_five_classes_is_always_a_hit():
    counter = Counter(3, torch.device("cpu"))
    counter.add(output([1, 2, 3]), torch.tensor([0]))
    assert (score(counter, NAMES[:3]).top1, score(counter, NAMES[:3]).top5) == (0, 1)


def stage(logits):
    return Stage(None, None, None, None, None, None, logits)


def test_ap_cnn_is_scored_per_head_per_stage_and_as_a_whole():
    right, wrong = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    one = torch.stack([right, right, wrong, wrong], dim=1)  # mean (1.0, 0.5): right
    two = torch.stack([wrong, wrong, wrong, right], dim=1)  # mean (0.5, 0.75): wrong
    whole = APCNNOutput(stage(one), *[None] * 6, stage(two), None, 5)  # (0.75, 0.625): right
    counter = Counter(2, torch.device("cpu"))
    counter.add(whole, torch.tensor([0]))
    result = score(counter, NAMES[:2])
    assert {head.name: head.top1 for head in result.heads} == {
        **{"stage I level3": 1, "stage I level4": 1, "stage I level5": 0, "stage I concat": 0},
        **{"stage II level3": 0, "stage II level4": 0, "stage II level5": 0, "stage II concat": 1},
        **{"stage I mean": 1, "stage II mean": 0, "mean": 1},
    }
    assert result.top1 == 1
    assert list(whole.scored())[-1] == result.heads[-1].name == "mean"
