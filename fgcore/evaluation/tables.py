"""Questions to the tables of images: who is taken for whom, and where two models part."""

import numpy as np
import pandas as pd

from fgcore.evaluation.maps import own_maps


def confusion(images: pd.DataFrame, model: str, classes: int) -> np.ndarray:
    """How often each class was taken for each other. (K, K) int64, true class by predicted class."""
    own = images[images["model"] == model]
    matrix = np.zeros((classes, classes), np.int64)
    np.add.at(matrix, (own["target"].to_numpy(), own["prediction"].to_numpy()), 1)
    return matrix


def confused_pairs(images: pd.DataFrame, model: str) -> pd.DataFrame:
    """Pairs of classes by how many images of either were taken for the other, most first.

    Returns:
        Columns first, second (class numbers, first < second), confused, first_for_second (images of the first taken
        for the second), second_for_first, and share: confused of all images of both classes.
    """
    own = images[images["model"] == model]
    matrix = pd.crosstab(own["target"], own["prediction"]).stack()
    wrong = matrix[(matrix > 0) & (matrix.index.get_level_values(0) != matrix.index.get_level_values(1))]
    counts = own["target"].value_counts()
    rows: dict[tuple[int, int], list[int]] = {}
    for (target, prediction), number in wrong.items():
        pair = (min(target, prediction), max(target, prediction))
        rows.setdefault(pair, [0, 0])[int(target > prediction)] += int(number)
    table = pd.DataFrame(
        [
            {
                "first": first,
                "second": second,
                "confused": sum(both),
                "first_for_second": both[0],
                "second_for_first": both[1],
                "share": sum(both) / (counts.get(first, 0) + counts.get(second, 0)),
            }
            for (first, second), both in rows.items()
        ],
        columns=["first", "second", "confused", "first_for_second", "second_for_first", "share"],
    )
    return table.sort_values(
        ["confused", "share", "first", "second"], ascending=[False, False, True, True]
    ).reset_index(drop=True)


def examples(images: pd.DataFrame, model: str, first: int, second: int) -> pd.DataFrame:
    """The images of two classes that a model takes for each other, its surest mistake first; rows of `images`."""
    own = images[images["model"] == model]
    swapped = ((own["target"] == first) & (own["prediction"] == second)) | (
        (own["target"] == second) & (own["prediction"] == first)
    )
    return own[swapped].sort_values(["confidence", "index"], ascending=[False, True])


def own_map(maps: pd.DataFrame, model: str) -> str:
    """The map that belongs to the model's method: CCMP, ROIs, or Grad-CAM for a baseline."""
    present = set(maps.loc[maps["model"] == model, "map"].unique())
    return next(name for name in own_maps() if name in present)


def side_by_side(images: pd.DataFrame, maps: pd.DataFrame, first: str, second: str, map_name: str = "") -> pd.DataFrame:
    """Both models' answers to the same images, and the parts at their maps' peaks.

    Args:
        images: the table of images.
        maps: the table of maps.
        first: a model.
        second: another.
        map_name: which map to ask for the part; "": each model's own.

    Returns:
        Indexed by image: identifier, target, prediction_first, prediction_second, probability_first,
        probability_second (of the true class), part_first, part_second ("" where nothing is annotated), and the flags
        predictions_differ, parts_differ (both look at something, and not at the same) and only_first_right,
        only_second_right.
    """
    sides = []
    for side, model in (("first", first), ("second", second)):
        own = images[images["model"] == model].set_index("index")
        name = map_name or own_map(maps, model)
        part = maps[(maps["model"] == model) & (maps["map"] == name)].set_index("index")["part"]
        answers = own[["prediction", "probability", "top1"]].assign(part=part.reindex(own.index).fillna(""))
        sides.append(answers.add_suffix(f"_{side}"))
    about = images[images["model"] == first].set_index("index")[["identifier", "target"]]
    table = about.join(sides, how="inner")
    known = (table["part_first"] != "") & (table["part_second"] != "")
    right_first, right_second = table.pop("top1_first") > 0, table.pop("top1_second") > 0
    return table.assign(
        predictions_differ=table["prediction_first"] != table["prediction_second"],
        parts_differ=known & (table["part_first"] != table["part_second"]),
        only_first_right=right_first & ~right_second,
        only_second_right=right_second & ~right_first,
    )
