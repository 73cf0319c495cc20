"""What the tests of training share: a small folder of images and the smallest experiments on it."""

import contextlib
import dataclasses

import numpy as np
import torch

from fgcore.config import DataConfig, Experiment, OptimConfig
from fgcore.data import transforms
from fgcore.data.images import encode_png
from fgcore.methods.ap.convert import _PREFIXES
from fgcore.methods.mc.settings import MCLossSettings
from fgcore.training import session
from small_models import small

CLASSES = ("green finch", "red finch", "blue finch")


def draw_pictures(root, *, train=8, test=5):
    """Class folders of 72-pixel pictures: noise with a class-coloured square."""
    rng = np.random.default_rng(0)
    for k, name in enumerate(CLASSES):
        for part, count in (("train", train), ("test", test)):
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                picture = rng.integers(0, 90, (72, 72, 3), dtype=np.uint8)
                left, top = rng.integers(8, 32, 2)
                picture[top : top + 32, left : left + 32, k] += 150
                (root / part / name / f"{number}.png").write_bytes(encode_png(picture))
    return root


def tiny(root, method="baseline", **optim):
    """An experiment of a second or two: SqueezeNet from scratch at 64 pixels."""
    data = DataConfig("folder", str(root), resize=72, crop=64)
    settings = {"epochs": 3, "batch_size": 8, "lr": 0.001, "trunk_lr": 0.001}
    optim = OptimConfig(**settings | optim)
    return Experiment("tiny", model=small(method), data=data, optim=optim, precision="fp32")


def replaced(experiment, section, **values):
    """The experiment with fields of one section replaced."""
    return dataclasses.replace(experiment, **{section: dataclasses.replace(getattr(experiment, section), **values)})


def official_names(state):
    """A ResNet AP-CNN's state under the authors' names: the inverse of the conversion."""
    theirs = {ours: official for official, ours in _PREFIXES.items()}
    starts = {name: next(ours for ours in theirs if name.startswith(ours)) for name in state}
    return {theirs[starts[name]] + name.removeprefix(starts[name]): value for name, value in state.items()}


def state_of(folder, *without):
    """What a run put aside to go on from, but for the time it took and the parts named."""
    state = torch.load(folder / "state.pt", weights_only=True)
    return {name: value for name, value in state.items() if name not in ("seconds", *without)}


def assert_same(one, two):
    """Equal to the last bit, in nested containers of tensors and plain values."""
    assert type(one) is type(two)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two)
    elif isinstance(one, dict):
        assert one.keys() == two.keys()
        for key in one:
            assert_same(one[key], two[key])
    elif isinstance(one, list):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            assert_same(a, b)
    else:
        assert one == two


SHARED = {  # runs that two processes and one must agree on: method, loss, optim
    "baseline": ("baseline", {}, {}),
    "mc": ("mc", {}, {}),
    "mc, a mask per image": ("mc", {"settings": MCLossSettings(mask_per_image=True)}, {}),
    "ap": ("ap", {}, {}),
    "uneven": ("ap", {}, {"batch_size": 7}),
    "everything": ("mc", {"label_smoothing": 0.1}, {"mixup": 0.5, "accumulate": 2, "ema": 0.9, "clip_norm": 1.0}),
}


def shared_run(root, name):
    """A run of two epochs with rates so low that rounding does not grow."""
    method, loss, optim = SHARED[name]
    rates = {"epochs": 2, "lr": 1e-4, "trunk_lr": 1e-4}
    return replaced(tiny(root, method, **rates | optim), "loss", **loss)


@contextlib.contextmanager
def float64():
    """Runs in double precision: in float32 rounding turns a tie of max pooling now and then, which is no rounding."""
    fresh, normalise = session.fresh_model, transforms.normalise
    session.fresh_model = lambda experiment: fresh(experiment).double()
    transforms.normalise = lambda images, config: normalise(images, config).double()
    try:
        yield
    finally:
        session.fresh_model, transforms.normalise = fresh, normalise
