import numpy as np
import pytest

from fgcore.evaluation.bootstrap import interval


def test_the_interval_of_a_mean_is_near_its_normal_one():
    values = np.random.default_rng(0).normal(5, 2, (400, 1))
    row = interval(values, resamples=2000, seed=1).iloc[0]
    assert row["mean"] == pytest.approx(values.mean())
    error = values.std() / 20
    assert row["low"] == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert row["high"] == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)
    assert row["images"] == 400


def test_equal_values_leave_no_doubt():
    row = interval(np.full((10, 1), 0.25), resamples=50, seed=0).iloc[0]
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((0.25, 0.25, 0.25))


def test_missing_values_do_not_count():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    table = interval(values, resamples=200, seed=0)
    assert table["mean"][0] == 2
    assert table["images"].tolist() == [2, 0]
    assert (table["low"][0], table["high"][0]) == (1, 3)
    assert table.loc[1, ["mean", "low", "high"]].isna().all()


def test_the_seed_decides_and_columns_share_their_draws():
    values = np.random.default_rng(0).random((30, 1))
    first, again, other = (interval(values, resamples=120, seed=seed) for seed in (1, 1, 2))
    assert first.equals(again)
    assert not first.equals(other)
    both = interval(np.hstack([values, values + 1]), resamples=120, seed=1)
    assert both["low"][1] - both["low"][0] == pytest.approx(1)
    assert both.iloc[0].tolist() == pytest.approx(first.iloc[0].tolist())
