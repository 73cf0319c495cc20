"""Means with confidence intervals: the percentile bootstrap over images, seeded."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

LEVEL = 0.95  # of the intervals
_BLOCK = 50  # resamples drawn at a time: memory stays at block * images


def interval(values: np.ndarray, *, resamples: int, seed: int) -> pd.DataFrame:
    """The mean of each column and the interval in which resampled means fall.

    The same rows are drawn for every column, and for every table of equally many rows under the same seed, so that
    differences of paired tables may be given instead of values.

    Args:
        values: (n, M); nan where an image has no value: such images do not count.
        resamples: of the bootstrap; 0: no interval.
        seed: of the draws.

    Returns:
        M rows: mean, low, high (95 %), images (rows with a value); nan without any.

    Source: Efron, 1979; the percentile interval.
    """
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    count = known.sum(0)
    with np.errstate(invalid="ignore"):
        means = filled.sum(0) / count
    table = pd.DataFrame({"mean": means, "low": np.nan, "high": np.nan, "images": count})
    if resamples and len(values):
        drawn = np.concatenate(list(_means(filled, known.astype(float), resamples, seed)))
        tail = (1 - LEVEL) / 2
        some = ~np.isnan(drawn).all(0)  # a column without any value has no interval
        table.loc[some, ["low", "high"]] = np.nanquantile(drawn[:, some], [tail, 1 - tail], axis=0).T
    return table


def _means(filled: np.ndarray, known: np.ndarray, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Resampled means, block by block: (block, M)."""
    rng, rows = np.random.default_rng(seed), len(filled)
    shares = np.full(rows, 1 / rows)
    for start in range(0, resamples, _BLOCK):
        weights = rng.multinomial(rows, shares, size=min(_BLOCK, resamples - start)).astype(float)
        with np.errstate(invalid="ignore"):
            yield (weights @ filled) / (weights @ known)
