"""The filmstrip: probes chosen alike every time, one frame per epoch, nothing lost when a run is resumed."""

import numpy as np
import pytest
import torch
from torch import nn

from fgcore.config import DataConfig
from fgcore.data import datasets
from fgcore.data.transforms import normalise
from fgcore.inspection.inspector import Inspector
from fgcore.inspection.inspector import load as load_model
from fgcore.methods.mc.channel_groups import group
from fgcore.training import loop, probes
from training_helpers import CLASSES, draw_pictures, tiny


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return draw_pictures(tmp_path_factory.mktemp("pictures"))


def trained(root, folder, method, *, epochs=2, count=2, resume=False):
    """A run with its filmstrip."""
    experiment = tiny(root, method, epochs=epochs)
    reports = loop.train(experiment, folder, resume=resume, device="cpu")
    for report in probes.filmed(reports, folder, experiment, count):
        assert (folder / "probes" / f"{report.epoch:04d}.npz").exists()
    return folder


@pytest.fixture(scope="module")
def runs(root, tmp_path_factory):
    """A finished run of each method."""
    return {method: trained(root, tmp_path_factory.mktemp(method), method) for method in ("baseline", "mc", "ap")}


@pytest.mark.parametrize(("count", "targets"), [(1, [0]), (4, [0, 6, 12, 18]), (5, [0, 4, 9, 14, 19])])
def test_probes_are_spread_over_the_classes(count, targets):
    images = datasets.load(DataConfig(train_per_class=1, test_per_class=2, resize=64, crop=64), cache_images=False).test
    chosen = probes.choose(images, count)
    assert [images.records[index].target for index in chosen] == targets
    assert [index % 2 for index in chosen] == [0] * count  # the first of each class


def test_more_probes_than_classes_are_one_per_class(root):
    images = datasets.load(tiny(root).data, cache_images=False).test
    assert [images.records[index].target for index in probes.choose(images, 10)] == [0, 1, 2]


@pytest.mark.parametrize("count", [0, 13])
def test_a_foolish_number_of_probes_is_refused(root, count):
    images = datasets.load(tiny(root).data, cache_images=False).test
    with pytest.raises(ValueError, match=f"expected 1 to 12 probes, got {count}"):
        probes.choose(images, count)


def test_a_picture_that_cannot_be_read_is_no_probe(tmp_path):
    root = draw_pictures(tmp_path, train=2, test=2)
    (root / "test" / sorted(CLASSES)[0] / "0.png").write_bytes(b"no picture")
    images = datasets.load(tiny(root).data, cache_images=False).test
    assert [images.records[index].identifier for index in probes.choose(images, 3)] == [
        "test/blue finch/1.png",
        "test/green finch/0.png",
        "test/red finch/0.png",
    ]


@pytest.mark.parametrize("method", ["baseline", "mc", "ap"])
def test_there_is_a_frame_for_every_epoch_and_one_before_training(runs, method):
    strip = probes.load(runs[method])
    assert strip.method == method
    assert strip.epochs == (0, 1, 2)
    assert [len(frames) for frames in strip.frames] == [2, 2, 2]
    assert [strip.name_of(number) for number in range(2)] == ["blue finch", "green finch"]
    assert {probe.pixels.shape for probe in strip.probes} == {(64, 64, 3)}
    for frame in strip.frames[2]:
        assert frame.prediction.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_the_last_frame_shows_what_the_last_checkpoint_shows(runs, root):
    strip, loaded = probes.load(runs["mc"]), load_model(runs["mc"] / "last.safetensors")
    images = datasets.load(tiny(root).data, cache_images=False).test
    for probe, frame in zip(strip.probes, strip.frames[-1], strict=True):
        index = [record.identifier for record in images.records].index(probe.identifier)
        look, kept = Inspector(loaded).set_image(images.image(index)), frame.shown
        shown = group(look.detail, probe.target)
        assert np.array_equal(look.view.pixels, probe.pixels)
        np.testing.assert_allclose(kept.channels, shown.channels, rtol=1e-3, atol=1e-6)  # kept in half precision
        np.testing.assert_allclose(kept.overlap, shown.overlap, atol=0.01)
        np.testing.assert_allclose(frame.prediction.probabilities, look.prediction.probabilities, atol=1e-6)
        assert kept.diversity[probe.target] == pytest.approx(shown.diversity, abs=1e-5)
        assert kept.first == look.detail.channels_of(probe.target).start
        assert kept.scores[probe.target] == pytest.approx(shown.score, abs=1e-5)


def test_ap_cnn_keeps_gates_regions_and_zoom_box(runs, root):
    strip, loaded = probes.load(runs["ap"]), load_model(runs["ap"] / "last.safetensors")
    images = datasets.load(tiny(root).data, cache_images=False).test
    index = [record.identifier for record in images.records].index(strip.probes[1].identifier)
    look = Inspector(loaded).set_image(images.image(index)).detail
    frame = strip.frames[-1][1].shown
    for kept, gate in zip(frame.gates, look.stage1.spatial_gates, strict=True):
        np.testing.assert_allclose(kept, gate, atol=1e-3)
    assert frame.rois == look.rois
    assert frame.zoom_box == look.zoom_box


def test_the_baseline_keeps_grad_cam(runs):
    frame = probes.load(runs["baseline"]).frames[-1][0].shown
    assert frame.cam.shape == (28, 28)
    assert 0 <= frame.cam.min() <= frame.cam.max() <= 1


def test_frames_are_small(runs):
    for run in runs.values():  # of two probes; MC-Loss keeps 170 channels of 4 x 4
        assert max(path.stat().st_size for path in (run / "probes").glob("0*.npz")) < 15_000


def test_a_resumed_run_continues_its_strip_with_the_same_probes(root, runs, tmp_path):
    run = trained(root, tmp_path / "run", "mc", epochs=2)
    (run / "probes" / "0002.npz").unlink()  # killed between checkpoint and strip
    trained(root, run, "mc", epochs=2, count=1, resume=True)
    for path in sorted((runs["mc"] / "probes").iterdir()):
        assert (run / "probes" / path.name).read_bytes() == path.read_bytes()


def test_damaged_and_foreign_frames_are_left_out(root, runs, tmp_path):
    folder = tmp_path / "probes"
    folder.mkdir()
    for path in (runs["ap"] / "probes").iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "0001.npz").write_bytes((folder / "0001.npz").read_bytes()[:100])
    (folder / "0002.npz").write_bytes((runs["mc"] / "probes" / "0002.npz").read_bytes())
    assert probes.load(tmp_path).epochs == (0,)


def test_a_run_without_probes_has_no_strip(tmp_path):
    assert probes.load(tmp_path) is None


def settled(root):
    """Which images, with the normalisation of the trunk that is to see them."""
    return loop.settled(tiny(root), len(CLASSES)).data


def test_an_untrained_batch_norm_gets_statistics_and_a_trained_one_keeps_its_own(root):
    images = datasets.load(settled(root), cache_images=False).train
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)).eval()
    model[3].num_batches_tracked.fill_(7)
    weights = {name: value.clone() for name, value in model.named_parameters()}
    probes.calibrate(model, images, images.config)
    batch = torch.stack([images[index][0] for index in range(16)])  # of the 24 pictures
    rest = torch.stack([images[index][0] for index in range(16, 24)])
    means = [model[0](normalise(pictures, images.config)).mean((0, 2, 3)) for pictures in (batch, rest)]
    assert torch.allclose(model[1].running_mean, sum(means) / 2, atol=1e-5)
    assert torch.equal(model[3].running_mean, torch.zeros(4))
    assert not any(module.training for module in model.modules())
    assert all(torch.equal(weights[name], value) for name, value in model.named_parameters())


def test_an_unreadable_picture_is_left_out_of_those_statistics(tmp_path):
    images = datasets.load(settled(draw_pictures(tmp_path)), cache_images=False).train
    (tmp_path / images.records[5].identifier).write_bytes(b"no picture")
    model = nn.Sequential(nn.BatchNorm2d(3)).eval()
    probes.calibrate(model, images, images.config)
    inputs = normalise(torch.stack([images[index][0] for index in range(24) if index != 5]), images.config)
    means = [part.mean((0, 2, 3)) for part in inputs.split(16)]
    assert torch.allclose(model[0].running_mean, sum(means) / 2, atol=1e-5)


def test_training_is_the_same_with_and_without_probes(root, runs, tmp_path):
    plain = tmp_path / "plain"
    list(loop.train(tiny(root, "mc", epochs=2), plain, device="cpu"))
    with_probes, without = (load_model(run / "last.safetensors").model.state_dict() for run in (runs["mc"], plain))
    assert all(np.array_equal(without[name], with_probes[name]) for name in without)
