from collections import Counter

import pytest
import torch

from fgcore.machine.runtime import (
    EvaluationBatches,
    TrainBatches,
    autocast,
    derive_seed,
    loader,
    pick_device,
    pick_precision,
)


def epoch_of(batches, epoch):
    batches.epoch = epoch
    return list(batches)


def test_a_seed_depends_on_every_part_and_on_nothing_else():
    assert derive_seed("step", 1, 2, 3) == derive_seed("step", 1, 2, 3) == 5405276041480736744
    seeds = {derive_seed(*parts) for parts in [("step", 1, 2, 3), ("order", 1, 2, 3), ("step", 12, 3), ("step", 1, 23)]}
    assert len(seeds) == 4
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_order_is_a_function_of_seed_and_epoch():
    first, again = TrainBatches(50, 8, seed=1), TrainBatches(50, 8, seed=1)
    epoch_of(first, 0)
    assert epoch_of(first, 3) == epoch_of(again, 3)
    assert epoch_of(first, 3) != epoch_of(first, 4)
    assert epoch_of(first, 3) != epoch_of(TrainBatches(50, 8, seed=2), 3)


def test_training_batches_are_full_and_hold_no_picture_twice():
    batches = epoch_of(TrainBatches(50, 8, seed=1), 0)
    assert [len(batch) for batch in batches] == [8] * 6
    assert len({index for batch in batches for index, _ in batch}) == 48


def test_all_pictures_of_an_epoch_share_its_draw_and_epochs_do_not():
    batches = TrainBatches(50, 8, seed=1)
    draws = [{draw for batch in epoch_of(batches, epoch) for _, draw in batch} for epoch in range(3)]
    assert [len(draw) for draw in draws] == [1, 1, 1]
    assert len(set.union(*draws)) == 3


def test_a_set_smaller_than_a_batch_is_one_batch():
    assert [len(batch) for batch in TrainBatches(5, 8, seed=1)] == [5]


@pytest.mark.parametrize("neighbour", [False, True])
def test_processes_share_every_batch_in_order_and_mixup_sees_the_picture_before(neighbour):
    whole = epoch_of(TrainBatches(50, 7, seed=1), 2)
    shares = [TrainBatches(50, 7, seed=1, rank=rank, processes=3, neighbour=neighbour) for rank in range(3)]
    assert [(share.first, share.share) for share in shares] == [(0, 2), (2, 2), (4, 3)]
    for number, batch in enumerate(whole):
        parts = [epoch_of(share, 2)[number] for share in shares]
        if neighbour:
            assert [part.pop(0) for part in parts] == [batch[-1], batch[1], batch[3]]
        assert [key for part in parts for key in part] == batch


def test_a_process_with_less_than_two_pictures_of_a_batch_is_refused():
    with pytest.raises(ValueError, match="each of 3 processes needs at least two images of a batch"):
        TrainBatches(50, 5, seed=1, processes=3)


@pytest.mark.parametrize("length", [1, 7, 8, 9, 30])
def test_processes_evaluate_every_picture_once_in_the_batches_of_one(length):
    whole = list(EvaluationBatches(length, 4))
    shares = [EvaluationBatches(length, 4, rank=rank, processes=3) for rank in range(3)]
    assert sorted(batch for share in shares for batch in share) == whole
    assert [len(list(share)) for share in shares] == [len(share) for share in shares]


@pytest.mark.parametrize(("length", "batch_size"), [(1, 8), (8, 1)])
def test_batches_of_one_are_refused(length, batch_size):
    with pytest.raises(ValueError, match="at least two images"):
        TrainBatches(length, batch_size, seed=1)


@pytest.mark.parametrize("length", [1, 7, 8, 9])
def test_evaluation_sees_every_picture_once_and_in_order(length):
    batches = EvaluationBatches(length, 4)
    assert [index for batch in batches for index, _ in batch] == list(range(length))
    assert len(list(batches)) == len(batches)


def test_workers_yield_the_same_batches_as_the_main_process():
    class Squares(torch.utils.data.Dataset):
        def __getitem__(self, key):
            return torch.tensor(key[0] ** 2 + key[1]), key[0]

    batches = TrainBatches(20, 4, seed=1)
    cpu = torch.device("cpu")
    alone, together = loader(Squares(), batches, cpu, 0), loader(Squares(), batches, cpu, 2)
    for epoch in (0, 1):
        batches.epoch = epoch
        pairs = zip(alone, together, strict=True)
        assert all(torch.equal(a, b) for one, two in pairs for a, b in zip(one, two, strict=True))


def test_bf16_computes_in_bfloat16_and_fp32_does_not():
    cpu, x = torch.device("cpu"), torch.ones(2, 2)
    with autocast("bf16", cpu):
        assert (x @ x).dtype == torch.bfloat16
    with autocast("fp32", cpu):
        assert (x @ x).dtype == torch.float32


def test_auto_precision_asks_the_processor(monkeypatch):
    cpu = torch.device("cpu")
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True, "avx512_bf16": False})
    assert pick_precision("auto", cpu) == "fp32"
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    assert pick_precision("auto", cpu) == "bf16"
    assert pick_precision("fp32", cpu) == "fp32"


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="precision takes auto, bf16, fp32, got 'fp16'"):
        pick_precision("fp16", torch.device("cpu"))
    with pytest.raises(ValueError, match="such as cpu"):
        pick_device("gpu")
    with pytest.raises(ValueError, match="is not here"):
        pick_device("cuda:99")


@pytest.mark.parametrize("epoch", [0, 1])
def test_balanced_batches_hold_every_class_equally_often(epoch):
    targets = [0] * 40 + [1] * 7 + [2] * 3
    batches = TrainBatches(50, 10, seed=1, balance=targets)
    keys = [key for batch in epoch_of(batches, epoch) for key in batch]
    counts = Counter(targets[index] for index, _ in keys)
    assert sorted(counts.values()) == [16, 17, 17]
    assert len(set(keys)) == len(keys) == 50  # an image that comes again has another view
    seen = Counter(index for index, _ in keys)
    assert {seen[index] for index in range(40)} == {0, 1}
    assert max(seen[index] for index in range(47, 50)) - min(seen[index] for index in range(47, 50)) <= 1
    assert epoch_of(TrainBatches(50, 10, seed=1, balance=targets), epoch) == epoch_of(batches, epoch)


def test_processes_share_balanced_batches_too():
    targets = [0] * 45 + [1] * 5
    whole = epoch_of(TrainBatches(50, 8, seed=1, balance=targets), 0)
    shares = [epoch_of(TrainBatches(50, 8, seed=1, balance=targets, rank=r, processes=2), 0) for r in range(2)]
    assert [a + b for a, b in zip(*shares, strict=True)] == whole


def test_classes_of_one_size_are_balanced_as_they_are():
    targets = [0, 1] * 25
    keys = [key for batch in epoch_of(TrainBatches(50, 10, seed=1, balance=targets), 0) for key in batch]
    assert sorted(index for index, _ in keys) == list(range(50))
    assert len({draw for _, draw in keys}) == 1
