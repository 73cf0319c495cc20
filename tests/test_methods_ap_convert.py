"""Parity of AP-CNN with the official code, through the import of its checkpoints."""

import numpy as np
import pytest
import torch

from conftest import GOLDEN
from fgcore.config import LossConfig, ModelConfig
from fgcore.methods import build_loss
from fgcore.methods.ap import roi
from fgcore.methods.ap.convert import convert_apcnn
from fgcore.methods.ap.settings import APSettings, ROIConfig
from golden_apcnn import run, to_ours

CASES = sorted(path.stem for path in GOLDEN.glob("apcnn_*.npz"))


@pytest.fixture(scope="module", params=CASES)
def golden(request):
    from conftest import load_rules

    return run(GOLDEN / f"{request.param}.npz", load_rules())


def close(tensor, expected, atol):
    np.testing.assert_allclose(tensor.detach().numpy().reshape(expected.shape), expected, rtol=0, atol=atol)


def test_gates_equal_the_official_ones(golden):
    case, meta, _, output = golden
    if "a3" not in case:
        pytest.skip("this case stores boxes and logits only")
    train = 5e-4 if meta["train"] else None
    for level in range(3):
        close(output.stage1.spatial_gates[level], case[f"a{level + 3}"], train or 2e-5)
        close(output.stage2.spatial_gates[level], case[f"s2_a{level + 3}"], train or 5e-5)
        close(output.stage1.raw_channel_gates[level], case[f"gate{level + 3}_raw"], train or 2e-5)


def test_channel_gates_are_accumulated_bottom_up(golden):
    case, meta, _, output = golden
    if "gate3_raw" not in case:
        pytest.skip("this case stores boxes and logits only")
    g3 = case["gate3_raw"]
    g4 = (case["gate4_raw"] + g3) / 2
    g5 = (case["gate5_raw"] + g4) / 2
    for ours, expected in zip(output.stage1.channel_gates, (g3, g4, g5), strict=True):
        close(ours, expected, 5e-4 if meta["train"] else 2e-5)


def test_rois_and_zoom_boxes_are_exactly_the_official_ones(golden):
    case, _, _, output = golden
    for level, rois in zip((3, 4, 5), output.rois, strict=True):
        images, slots = rois.valid.nonzero(as_tuple=True)
        ours = torch.cat([images[:, None].float(), rois.boxes[images, slots]], dim=1)
        np.testing.assert_array_equal(ours.numpy(), case[f"roi_{level}"])
    np.testing.assert_array_equal(output.zoom_boxes.numpy() / 8, case["crop_box_f"])
    np.testing.assert_array_equal(output.zoom_cells.numpy(), case["crop_box_i"])


def test_the_zoomed_features_equal_the_official_ones(golden):
    case, meta, _, output = golden
    if "crop_ch0" not in case:
        pytest.skip("this case stores boxes and logits only")
    level3 = output.stage1.backbone.level3
    close(level3[:, 0], case["x2_ch0"], 1e-3 if meta["train"] else 1e-4)
    close(output.zoomed[:, 0], case["crop_ch0"], 1e-3 if meta["train"] else 1e-4)
    for features, name in ((level3, "x2_stats"), (output.zoomed, "crop_stats")):
        flat = features.detach().flatten(1).double()
        stats = torch.stack([flat.mean(1), flat.std(1), flat.abs().amax(1)], dim=1).numpy()
        np.testing.assert_allclose(stats, case[name], rtol=1e-3 if meta["train"] else 1e-4, atol=1e-6)


def test_the_one_way_to_drop_and_zoom_gives_the_official_crop_by_itself(golden):
    case, meta, model, output = golden
    if "crop_ch0" not in case:
        pytest.skip("this case stores boxes and logits only")
    block = None if output.drop is None else roi.drop_cells(output.rois, output.drop)
    with torch.no_grad():
        zoomed, cells, mask = model.refine(output.stage1.backbone.level3, output.zoom_boxes, block)
    close(zoomed[:, 0], case["crop_ch0"], 1e-3 if meta["train"] else 1e-4)
    np.testing.assert_array_equal(cells.numpy(), case["crop_box_i"])
    if meta["train"]:
        np.testing.assert_array_equal(mask[:, 0].numpy(), case["drop_mask"])
    else:
        assert mask is None


def test_logits_and_losses_equal_the_official_ones(golden):
    case, meta, _, output = golden
    tolerance = 1e-3 if meta["train"] else 1e-4
    close(output.stage1.logits, case["s1_logits"], tolerance)
    close(output.stage2.logits, case["s2_logits"], tolerance)
    close(output.logits, case["out_mean"], 1e-3 if meta["train"] else 5e-5)
    targets = torch.tensor([(7 * i + 3) % meta["num_classes"] for i in range(meta["batch"])])
    terms = build_loss(LossConfig("ce"), ModelConfig("ap"))(output, targets)
    stages = [sum(v for k, v in terms.parts.items() if k.startswith(stage)) for stage in ("stage1", "stage2")]
    ours = [terms.total.item(), *(float(stage.detach()) for stage in stages)]
    np.testing.assert_allclose(ours, case["losses"], rtol=1e-5)


@pytest.fixture(scope="module")
def trained():
    """The training case after its backward pass."""
    from conftest import load_rules

    case, meta, model, output = run(GOLDEN / "apcnn_train_r18_224_c20.npz", load_rules())
    targets = torch.tensor([(7 * i + 3) % meta["num_classes"] for i in range(meta["batch"])])
    build_loss(LossConfig("ce"), ModelConfig("ap"))(output, targets).total.backward()
    return case, model, output


def test_dropblock_masks_are_exactly_the_official_ones(trained):
    case, _, output = trained
    np.testing.assert_array_equal(output.drop_mask[:, 0].numpy(), case["drop_mask"])


def test_the_dropblock_factor_equals_the_official_one(trained):
    from fgcore.methods.ap.roi import dropblock_scale

    case, _, output = trained
    scale = dropblock_scale(output.zoom_boxes, output.zoom_cells, output.drop_mask)
    np.testing.assert_allclose(scale.flatten().numpy(), case["scale_rate"], rtol=1e-6)


def test_gradients_equal_the_official_ones(trained):
    case, model, _ = trained
    ours = {name: float(parameter.grad.norm()) for name, parameter in model.named_parameters()}
    pairs = [(ours[to_ours(str(n))], g) for n, g in zip(case["grad_names"], case["grad_norm"], strict=True)]
    large = [(a, b) for a, b in pairs if b > 1e-3 * case["grad_norm"].max()]
    assert len(large) > 50
    np.testing.assert_allclose(*zip(*large, strict=True), rtol=1e-2)


def test_batch_norms_of_shared_layers_are_updated_twice(trained):
    case, model, _ = trained
    state = model.state_dict()
    names = [to_ours(str(name)) for name in case["bn_names"]]
    np.testing.assert_allclose([float(state[n].mean()) for n in names], case["bn_mean_after"], rtol=1e-5)
    counts = [int(state[n.rpartition(".")[0] + ".num_batches_tracked"]) for n in names]
    assert counts == case["bn_batches"].tolist()


def small_official_state():
    from conftest import load_rules

    case, _, _, _ = run(GOLDEN / "apcnn_r18_224_c20.npz", load_rules())
    shapes = zip(case["key_names"].tolist(), case["key_shapes"].tolist(), strict=True)
    return {n: torch.zeros([int(side) for side in s.split("x") if side]) for n, s in shapes}


def test_the_wrappings_of_published_files_are_taken_off():
    state = small_official_state()
    plain, _ = convert_apcnn(state)
    wrapped, _ = convert_apcnn({"net": {f"module.{key}": value for key, value in state.items()}})
    assert plain == wrapped
    assert (plain.trunk, plain.num_classes, plain.hidden) == ("resnet18", 20, 256)
    assert plain.settings == APSettings(pyramid_channels=256, roi=ROIConfig(border=0.1))
    assert convert_apcnn(state, "cub")[0].settings.roi.border == 0.2


def test_what_is_no_official_checkpoint_is_refused():
    state = small_official_state()
    with pytest.raises(ValueError, match="expected the authors' AP-CNN ResNet checkpoint"):
        convert_apcnn({"weight": torch.zeros(1)})
    with pytest.raises(ValueError, match="dataset must be one of cub, cars, aircraft, got 'birds'"):
        convert_apcnn(state, "birds")
    with pytest.raises(ValueError, match="unexpected entry 'extra'"):
        convert_apcnn(state | {"extra": torch.zeros(1)})
    with pytest.raises(ValueError, match="expected ResNet-18, 34 or 50"):
        convert_apcnn({key: value for key, value in state.items() if not key.startswith("layer1.1.")})
