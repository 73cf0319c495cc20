import pytest
import torch
import torchvision.transforms.v2 as T

from fgcore.training.mixup import blend, mixup


@pytest.fixture
def batch():
    return torch.rand(4, 3, 2, 2), torch.tensor([2, 0, 1, 1])


def test_a_blend_worked_out_by_hand(batch):
    inputs, targets = batch
    mixed, shares = mixup(inputs, targets, 3, 0.75, whole=True)
    torch.testing.assert_close(mixed[0], 0.75 * inputs[0] + 0.25 * inputs[3])
    torch.testing.assert_close(mixed[2], 0.75 * inputs[2] + 0.25 * inputs[1])
    assert shares.tolist() == [[0, 0.25, 0.75], [0.75, 0, 0.25], [0.25, 0.75, 0], [0, 1, 0]]


def test_it_pairs_as_torchvision_does(batch):
    torch.manual_seed(0)
    theirs, labels = T.MixUp(alpha=0.4, num_classes=3)(*batch)
    ours, shares = mixup(*batch, 3, float(labels[0, 2]), whole=True)  # picture 0 is of class 2
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(shares, labels)


def test_a_process_blends_its_share_as_the_whole_batch_is_blended(batch):
    inputs, targets = batch
    whole = mixup(inputs, targets, 3, 0.6, whole=True)
    for places in ([-1, 0, 1], [1, 2, 3]):  # the picture before the share comes first
        part = mixup(inputs[places], targets[places], 3, 0.6, whole=False)
        for expected, found in zip(whole, part, strict=True):
            assert torch.equal(found, expected[places[1:]])


def test_the_blend_depends_on_its_numbers_alone_and_is_spread_as_beta():
    assert blend(0.2, 1, 2, 3) == blend(0.2, 1, 2, 3) != blend(0.2, 1, 2, 4)
    shares = torch.tensor([blend(0.2, 1, 0, step) for step in range(2000)])
    assert shares.mean().item() == pytest.approx(0.5, abs=0.03)
    assert shares.var().item() == pytest.approx(0.25 / 1.4, abs=0.01)  # of Beta(a, a): 1 / (4 * (2 * a + 1))


def test_the_memory_format_is_kept(batch):
    inputs = batch[0].contiguous(memory_format=torch.channels_last)
    for whole in (True, False):
        mixed, _ = mixup(inputs, batch[1], 3, 0.5, whole=whole)
        assert mixed.is_contiguous(memory_format=torch.channels_last)
