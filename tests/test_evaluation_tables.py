"""Confusion, disagreement and summaries of tables written by hand."""

import numpy as np
import pandas as pd
import pytest

from fgcore.evaluation import summary, tables

NAMES = ("Wren", "Tit", "Jay")


@pytest.fixture
def images():
    """Two models on six pictures; the first takes Wren for Tit twice and Tit for Wren once."""
    rows = []
    answers = {"a": [0, 1, 1, 0, 2, 2], "b": [0, 0, 0, 1, 1, 2]}
    for model, predictions in answers.items():
        for index, (target, prediction) in enumerate(zip([0, 0, 0, 1, 1, 2], predictions, strict=True)):
            top1 = float(target == prediction)
            row = {"model": model, "index": index, "identifier": f"p{index}", "target": target}
            row |= {"prediction": prediction, "top1": top1, "confidence": 0.5 + index / 20}
            rows.append(row | {"probability": 0.2 + 0.6 * top1})
    return pd.DataFrame(rows)


@pytest.fixture
def maps():
    rows = []
    for model, name in (("a", "gradcam"), ("b", "ccmp"), ("a", "random"), ("a", "centre"), ("b", "random")):
        for index in range(6):
            energy = {"gradcam": 0.8, "ccmp": 0.4, "random": 0.3, "centre": 0.5}[name] + index / 100
            part = "" if index == 5 else "beak" if name == "gradcam" or index < 2 else "tail"
            rows.append({"model": model, "index": index, "map": name, "energy_box": energy, "part": part})
    return pd.DataFrame(rows)


def test_the_confusion_matrix_counts_true_by_predicted(images):
    assert tables.confusion(images, "a", 3).tolist() == [[1, 2, 0], [1, 0, 1], [0, 0, 1]]


def test_the_most_confused_pairs_by_hand(images):
    pairs = tables.confused_pairs(images, "a")
    assert pairs[["first", "second", "confused", "first_for_second", "second_for_first"]].values.tolist() == [
        [0, 1, 3, 2, 1],
        [1, 2, 1, 1, 0],
    ]
    assert pairs["share"].tolist() == pytest.approx([3 / 5, 1 / 3])
    assert len(tables.confused_pairs(images[images["top1"] == 1], "a")) == 0


def test_examples_are_the_mistakes_surest_first(images):
    assert tables.examples(images, "a", 0, 1)["index"].tolist() == [3, 2, 1]
    assert tables.examples(images, "a", 0, 2).empty


def test_a_models_own_map_is_that_of_its_method(maps):
    assert tables.own_map(maps, "a") == "gradcam"
    assert tables.own_map(maps, "b") == "ccmp"


def test_two_models_side_by_side(images, maps):
    table = tables.side_by_side(images, maps, "a", "b")
    assert table["predictions_differ"].tolist() == [False, True, True, True, True, False]
    assert table["only_second_right"].tolist() == [False, True, True, True, True, False]
    assert not table["only_first_right"].any()
    assert table["parts_differ"].tolist() == [False, False, True, True, True, False]  # the last is not annotated
    assert table.loc[2, ["part_first", "part_second"]].tolist() == ["beak", "tail"]
    assert table.loc[1, "probability_second"] == pytest.approx(0.8)


def test_a_summary_gives_means_beside_the_better_control(images, maps):
    table = summary.by_model(images, maps, resamples=200).set_index(["model", "map", "measure"])
    cam = table.loc["a", "gradcam", "energy_box"]
    assert cam["mean"] == pytest.approx(0.825)
    assert cam["low"] < cam["mean"] < cam["high"]
    assert cam["control"] == pytest.approx(0.525)  # the centre, not the random map
    assert cam["against"] == summary.WINS
    assert table.loc["b", "ccmp", "energy_box"]["control"] == pytest.approx(0.325)  # b's table has no centre
    assert table.loc["a", "random", "energy_box"]["against"] == ""
    assert table.loc["a", "model", "top1"]["mean"] == pytest.approx(2 / 6)
    assert table.loc["a", "model", "top1"]["against"] == ""


def test_a_measure_that_the_controls_win_is_reported_as_such(images, maps):
    worse = maps.assign(energy_box=maps["energy_box"] - (maps["map"] == "gradcam"))
    table = summary.by_model(images, worse, resamples=100).set_index(["model", "map", "measure"])
    assert table.loc["a", "gradcam", "energy_box"]["against"] == summary.LOSES
    same = maps.assign(energy_box=np.tile([0.1, 0.9], len(maps) // 2))
    table = summary.by_model(images, same, resamples=100).set_index(["model", "map", "measure"])
    assert table.loc["a", "gradcam", "energy_box"]["against"] == summary.TIES


def test_controls_of_a_models_own_numbers_are_named_by_their_column(images, maps):
    with_rank = images.assign(group_rank=1.0, **{"group_rank@random": 5.0})
    table = summary.by_model(with_rank, maps, resamples=50).set_index(["model", "map", "measure"])
    assert table.loc["a", "random", "group_rank"]["mean"] == 5
    assert table.loc["a", "model", "group_rank"]["against"] == summary.WINS  # a lower rank is better


def test_a_summary_per_class_counts_only_its_pictures(images, maps):
    table = summary.by_class(images, maps, NAMES, resamples=50).set_index(["model", "class", "map", "measure"])
    assert table.loc["a", "Wren", "model", "top1"]["mean"] == pytest.approx(1 / 3)
    assert table.loc["b", "Wren", "model", "top1"]["mean"] == 1
    assert table.loc["a", "Jay", "gradcam", "energy_box"]["mean"] == pytest.approx(0.85)
    assert table.loc["a", "Tit", "gradcam", "energy_box"]["images"] == 2


def test_differences_are_paired_by_picture(images, maps):
    table = summary.differences(images, maps, "a", "b", resamples=300).set_index(["map", "measure"])
    row = table.loc["model", "top1"]
    assert (row["first"], row["second"], row["difference"]) == pytest.approx((2 / 6, 5 / 6 + 1 / 6, 4 / 6))
    assert row["low"] > 0
    assert ("random", "energy_box") not in table.index
    assert ("gradcam", "energy_box") not in table.index  # b has none
