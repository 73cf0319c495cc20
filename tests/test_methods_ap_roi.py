import dataclasses
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from conftest import GOLDEN
from fgcore.methods.ap import roi
from fgcore.methods.ap.output import Drop, ROIs
from fgcore.methods.ap.settings import ROIConfig
from fgcore.outputs import Pyramid

UNITS = GOLDEN / "unit_roi_crop.npz"


def unit_cases():
    with np.load(UNITS) as file:
        return [pytest.param(f"u{n:02}", meta, id=f"u{n:02}") for n, meta in enumerate(json.loads(str(file["meta"])))]


@pytest.fixture(scope="module")
def units():
    with np.load(UNITS) as file:
        return dict(file)


def select(units, name, meta):
    gates = Pyramid(*(torch.from_numpy(units[f"{name}_a{level}"])[None, None] for level in (3, 4, 5)))
    config = ROIConfig(border=0.2 if meta["num_classes"] == 200 else 0.1)
    return roi.roi_pyramid(gates, config)


@pytest.mark.parametrize(("name", "meta"), unit_cases())
def test_boxes_equal_the_official_selection_also_when_a_level_has_few_or_none(units, name, meta):
    rois = select(units, name, meta)
    for level, found in zip((3, 4, 5), rois, strict=True):
        np.testing.assert_array_equal(found.boxes[found.valid].numpy(), units[f"{name}_roi_{level}"])
    box = roi.union_box(rois, (meta["height"], meta["width"]))
    np.testing.assert_array_equal(box[0].numpy() / 8, units[f"{name}_crop_box_f"])


@pytest.mark.parametrize(("name", "meta"), unit_cases())
def test_crops_equal_the_official_ones_with_and_without_dropblock(units, name, meta):
    rois = select(units, name, meta)
    features = torch.from_numpy(units[f"{name}_x"])[None]
    map_size = features.shape[-2:]
    boxes = roi.union_box(rois, (meta["height"], meta["width"]))
    cells = roi.to_cells(boxes, map_size)
    np.testing.assert_allclose(roi.zoom_in(features, cells)[0].numpy(), units[f"{name}_crop"], atol=1e-4)
    if meta["train"] is None:
        return
    choice = Drop(torch.tensor([meta["train"]["level"]]), torch.tensor([max(meta["train"]["index"], 0)]))
    mask = roi.dropblock_mask(roi.drop_cells(rois, choice), map_size)
    crop = roi.zoom_in(features * mask * roi.dropblock_scale(boxes, cells, mask), cells)
    np.testing.assert_allclose(crop[0].numpy(), units[f"{name}_train_crop"], atol=1e-4)


def greedy(scores, anchors, k, max_iou):
    """Non-maximum suppression of one image in plain loops, +1 convention."""
    order = sorted((i for i in range(len(scores)) if np.isfinite(scores[i])), key=lambda i: -scores[i])
    kept = []
    for i in order:
        if len(kept) == k:
            break
        if all(iou(anchors[i], anchors[j]) <= max_iou for j in kept):
            kept.append(i)
    return kept


def iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    overlap = max(width, 0) * max(height, 0)
    areas = sum((box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b))
    return overlap / (areas - overlap)


@pytest.mark.parametrize("max_iou", [0.0, 0.05, 0.4])
def test_batched_suppression_equals_a_loop_over_images_and_boxes(max_iou):
    generator = torch.Generator().manual_seed(0)
    scores = torch.rand(4, 14 * 20, generator=generator)
    scores[scores < 0.3] = -torch.inf
    scores[3, 5:] = -torch.inf  # an image with few candidates
    anchors = roi.anchor_boxes((14, 20), 4, ROIConfig(anchors=(48.0, 48.0, 48.0)), torch.device("cpu"))
    found = roi.best_boxes(scores, anchors, 6, max_iou)
    for image in range(4):
        kept = greedy(scores[image].tolist(), anchors.tolist(), 6, max_iou)
        assert found.valid[image].sum() == len(kept)
        assert found.boxes[image][: len(kept)].equal(anchors[kept])
        assert found.scores[image][: len(kept)].equal(scores[image][kept])
        assert found.scores[image][len(kept) :].eq(0).all()


def test_iou_counts_the_last_pixel():
    box, shifted, apart = (torch.tensor(b, dtype=torch.float) for b in ([0, 0, 9, 9], [5, 0, 14, 9], [10, 0, 19, 9]))
    assert roi.box_iou(box, box).item() == 1
    assert roi.box_iou(box, shifted).item() == pytest.approx(50 / 150)
    assert roi.box_iou(box, apart).item() == 0


def test_the_border_keeps_the_official_window():
    kept = roi.inner_scores(torch.ones(1, 1, 14, 14), 0.2)[0]
    expected = torch.zeros(14, 14)
    expected[2:11, 2:11] = 1  # not 2:12, as in the authors' code
    assert kept.equal(expected)


@pytest.mark.parametrize("fill", [0.0, 0.5, float("nan")])
def test_no_candidate_at_any_level_zooms_into_the_whole_input(fill):
    gates = Pyramid(*(torch.full((2, 1, side, side), fill) for side in (28, 14, 7)))
    rois = roi.roi_pyramid(gates, ROIConfig(border=0.0))
    assert not any(level.valid.any() for level in rois)
    box = roi.union_box(rois, (224, 224))
    assert box.tolist() == [[0, 0, 224, 224]] * 2
    cells = roi.to_cells(box, (28, 28))
    features = torch.rand(2, 3, 28, 28)
    torch.testing.assert_close(roi.zoom_in(features, cells), features)
    drop = roi.draw_drop(rois, ROIConfig(drop_probabilities=(0.5, 0.5)))
    assert drop.level.eq(0).all()
    assert roi.dropblock_mask(roi.drop_cells(rois, drop), (28, 28)).eq(1).all()


def test_no_boxes_asked_for_is_an_ordinary_case():
    gates = Pyramid(*(torch.rand(2, 1, side, side) for side in (28, 14, 7)))
    rois = roi.roi_pyramid(gates, ROIConfig(top_k=(0, 0, 0)))
    assert roi.union_box(rois, (224, 224)).tolist() == [[0, 0, 224, 224]] * 2
    assert roi.drop_cells(rois, roi.draw_drop(rois, ROIConfig())).eq(0).all()


@pytest.mark.parametrize("box", [(0, 0, 3, 3), (223, 223, 223, 223), (-50, 10, 900, 12), (100, 100, 90, 90)])
def test_any_box_becomes_at_least_one_cell_inside_the_map(box):
    x1, y1, x2, y2 = roi.to_cells(torch.tensor([box], dtype=torch.float), (28, 28))[0].tolist()
    assert 0 <= x1 < x2 <= 28
    assert 0 <= y1 < y2 <= 28


def test_zoom_in_equals_interpolate_on_each_crop():
    features = torch.rand(3, 4, 10, 14)
    cells = torch.tensor([[0, 0, 14, 10], [3, 2, 9, 5], [13, 9, 14, 10]])
    zoomed = roi.zoom_in(features, cells)
    for image, (x1, y1, x2, y2) in enumerate(cells.tolist()):
        crop = features[image : image + 1, :, y1:y2, x1:x2]
        expected = F.interpolate(crop, size=(10, 14), mode="bilinear", align_corners=False)
        torch.testing.assert_close(zoomed[image : image + 1], expected)


def test_a_crop_that_is_dropped_as_a_whole_gives_zeros():
    boxes, mask = torch.tensor([[64.0, 64.0, 128.0, 128.0]]), torch.ones(1, 1, 28, 28)
    mask[..., 8:16, 8:16] = 0
    cells = roi.to_cells(boxes, (28, 28))
    scale = roi.dropblock_scale(boxes, cells, mask)
    assert roi.zoom_in(torch.rand(1, 2, 28, 28) * mask * scale, cells).eq(0).all()


def two_rois(images):
    """Level 3 with two ROIs an image, level 4 with one, level 5 with none."""
    boxes = torch.tensor([[0.0, 0, 31, 31], [64, 64, 127, 127], [0, 0, 0, 0]]).repeat(images, 1, 1)
    valid = torch.tensor([True, True, False]).repeat(images, 1)
    one = ROIs(
        torch.tensor([[[8.0, 8, 24, 24]]]).repeat(images, 1, 1), torch.ones(images, 1), torch.ones(images, 1) > 0
    )
    none = ROIs(torch.zeros(images, 1, 4), torch.zeros(images, 1), torch.zeros(images, 1) > 0)
    return Pyramid(ROIs(boxes, valid.float(), valid), one, none)


def test_dropblock_draws_levels_with_the_given_probabilities_and_any_roi_alike():
    rois = two_rois(6000)
    drop = roi.draw_drop(rois, ROIConfig(), torch.Generator().manual_seed(0))
    shares = [drop.level.eq(level).float().mean().item() for level in (3, 4, 0)]
    np.testing.assert_allclose(shares, [0.3, 0.3, 0.4], atol=0.03)
    assert drop.index[drop.level == 3].float().mean().item() == pytest.approx(0.5, abs=0.05)  # never the invalid third
    assert drop.index[drop.level != 3].eq(0).all()


def test_dropblock_removes_the_cells_of_the_chosen_roi():
    drop = Drop(torch.tensor([3, 4, 0, 3, 5]), torch.tensor([1, 0, 0, 2, 0]))
    cells = roi.drop_cells(two_rois(5), drop)
    assert cells.tolist() == [[8, 8, 15, 15], [1, 1, 3, 3], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    mask = roi.dropblock_mask(cells, (28, 28))
    assert mask[0, 0, 8:15, 8:15].eq(0).all()
    assert [int((28 * 28 - m.sum()).item()) for m in mask] == [49, 4, 0, 0, 0]


def test_centred_anchors_lie_half_a_cell_further_right_and_down():
    cpu, published = torch.device("cpu"), ROIConfig(anchors=(32.0, 64.0, 128.0))
    for level, half in ((3, 4.0), (4, 8.0), (5, 16.0)):
        corner = roi.anchor_boxes((3, 5), level, published, cpu)
        middle = roi.anchor_boxes((3, 5), level, dataclasses.replace(published, centred=True), cpu)
        torch.testing.assert_close(middle, corner + half)
        side = published.anchors[level - 3]
        assert corner[0].tolist() == [-side / 2, -side / 2, side / 2, side / 2]  # the first cell's upper left corner


def test_a_centred_box_is_centred_on_the_brightest_cell():
    gates = torch.full((1, 1, 14, 14), 0.1)
    gates[0, 0, 5, 8] = 0.9
    levels = Pyramid(torch.rand(1, 1, 28, 28), gates, torch.rand(1, 1, 7, 7))
    found = roi.roi_pyramid(levels, ROIConfig(anchors=(32.0, 64.0, 96.0), centred=True))
    box = found.level4.boxes[0, 0]
    assert ((box[:2] + box[2:]) / 2).tolist() == [8.5 * 16, 5.5 * 16]
