"""From the tables of images to means with intervals, per model and per class, each beside its controls."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from fgcore.evaluation.bootstrap import interval
from fgcore.evaluation.maps import CONTROLS, all_maps
from fgcore.evaluation.measures import OF_MAPS, of_models
from fgcore.methods.base import Measure

ITSELF = "model"  # the `map` of measures that belong to no map
WINS, TIES, LOSES = "wins", "ties", "loses"


def measures() -> dict[str, Measure]:
    """Every measure by its name."""
    return of_models() | OF_MAPS


def values(images: pd.DataFrame, maps: pd.DataFrame, model: str) -> dict[tuple[str, str], pd.Series]:
    """Every measure of one model as a column: (map, measure) -> one value per image, indexed by image.

    Controls stand under their own names, "random" and "centre"; columns without any value are left out.
    """
    own = images[images["model"] == model].set_index("index")
    columns = {}
    for measure in of_models():
        for name, column in ((ITSELF, measure), *((control, f"{measure}@{control}") for control in CONTROLS)):
            if column in own and own[column].notna().any():
                columns[name, measure] = own[column]
    shown = maps[maps["model"] == model]
    for name in (known for known in all_maps() if (shown["map"] == known).any()):
        rows = shown[shown["map"] == name].set_index("index")
        columns |= {
            (name, measure): rows[measure] for measure in OF_MAPS if measure in rows and rows[measure].notna().any()
        }
    return columns


def by_model(images: pd.DataFrame, maps: pd.DataFrame, *, resamples: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Mean and 95 % interval of every measure of every model over all images.

    Returns:
        Columns model, map, measure, mean, low, high, images, control and against. `control` is the better of the
        controls' means and `against` says whether the map "wins" against that control, "ties" with it or "loses": by
        the interval of the paired difference. Both are empty for the controls themselves and without a control.
    """
    tables = []
    for model in images["model"].unique():
        columns = values(images, maps, model)
        table = _table(columns, resamples, seed)
        table[["control", "against"]] = list(_against_controls(columns, resamples, seed))
        tables.append(table.assign(model=model))
    order = ["model", "map", "measure", "mean", "low", "high", "images", "control", "against"]
    return pd.concat(tables, ignore_index=True)[order]


def _table(columns: dict[tuple[str, str], pd.Series], resamples: int, seed: int) -> pd.DataFrame:
    frame = pd.DataFrame(columns)  # the union of their images
    table = interval(frame.to_numpy(float), resamples=resamples, seed=seed)
    return table.assign(map=[name for name, _ in columns], measure=[measure for _, measure in columns])


def _against_controls(
    columns: dict[tuple[str, str], pd.Series], resamples: int, seed: int
) -> Iterator[tuple[float, str]]:
    for (name, measure), column in columns.items():
        better = measures()[measure].better
        rivals = [columns[control, measure] for control in CONTROLS if (control, measure) in columns]
        if name in CONTROLS or not rivals or not better:
            yield np.nan, ""
            continue
        paired = [rival[column.notna()] for rival in rivals]  # the same images
        control = max(paired, key=lambda rival: better * rival.mean())
        yield float(control.mean()), _verdict(better * (column - control), resamples, seed)


def _verdict(advantage: pd.Series, resamples: int, seed: int) -> str:
    row = interval(advantage.to_numpy(float)[:, None], resamples=resamples, seed=seed).iloc[0]
    return WINS if row["low"] > 0 else LOSES if row["high"] < 0 else TIES


def by_class(
    images: pd.DataFrame,
    maps: pd.DataFrame,
    class_names: Sequence[str],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """The same per class of the image, without the verdicts.

    Returns:
        Columns model, class, map, measure, mean, low, high, images.
    """
    tables = []
    for model in images["model"].unique():
        columns = values(images, maps, model)
        targets = images[images["model"] == model].set_index("index")["target"]
        for target, members in targets.groupby(targets):
            here = {key: column.reindex(members.index) for key, column in columns.items()}
            table = _table(here, resamples, seed)
            tables.append(table.assign(model=model, **{"class": class_names[int(target)]}))
    order = ["model", "class", "map", "measure", "mean", "low", "high", "images"]
    return pd.concat(tables, ignore_index=True)[order]


def differences(
    images: pd.DataFrame, maps: pd.DataFrame, first: str, second: str, *, resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """What two models have in common, image by image: second minus first, with the interval of the difference.

    Returns:
        Columns map, measure, first, second, difference, low, high, images, in the order of `by_model`.
    """
    ours, theirs = (values(images, maps, model) for model in (first, second))
    common = {key: theirs[key] - column for key, column in ours.items() if key in theirs and key[0] not in CONTROLS}
    table = _table(common, resamples, seed).rename(columns={"mean": "difference"})
    for name, columns in (("first", ours), ("second", theirs)):
        table[name] = [columns[key][change.notna()[lambda known: known].index].mean() for key, change in common.items()]
    return table[["map", "measure", "first", "second", "difference", "low", "high", "images"]]
