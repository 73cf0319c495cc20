import numpy as np
import pytest

from fgcore.evaluation import controls


def test_the_centre_bias_is_highest_in_the_middle_and_alike_on_all_sides():
    heatmap = controls.centre_map((3, 5))
    assert np.unravel_index(heatmap.argmax(), heatmap.shape) == (1, 2)
    np.testing.assert_allclose(heatmap, heatmap[::-1, ::-1])
    # the outer rows' centres lie a third of the side off: exp(-(1/3)^2 / (2 / 16))
    assert heatmap[0, 2] == pytest.approx(np.exp(-8 / 9))


def test_random_controls_follow_their_seed_and_stay_inside():
    rng = np.random.default_rng(1)
    assert (controls.random_map((4, 4), np.random.default_rng(1)) == controls.random_map((4, 4), rng)).all()
    places = controls.random_places(50, (10, 200), rng)
    assert places[:, 1].max() < 10 < 100 < places[:, 0].max() < 200
    for _ in range(20):
        x1, y1, x2, y2 = controls.random_box((1, 2, 31, 12), (40, 40), rng)
        assert (x2 - x1, y2 - y1) == pytest.approx((30, 10))
        assert x1 >= 0
        assert y1 >= 0
        assert x2 <= 40
        assert y2 <= 40


def test_central_controls_lie_in_the_middle():
    assert controls.centre_box((0, 0, 20, 10), (40, 60)) == (20, 15, 40, 25)
    assert controls.centre_places(2, (40, 60)).tolist() == [[30, 20], [30, 20]]
