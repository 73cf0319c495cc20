"""A method of its own, defined in the tests alone: what a stranger's package would hold.

A spatial attention over the last features, pooled under it, and a loss that pulls the pooled features of an image to a
centre of its class; the centres move with the images and live in a buffer of the loss.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from fgcore.config import DataConfig, Experiment, LossConfig, ModelConfig, OptimConfig, between, settings
from fgcore.methods.base import Film, Loss, Measure, Method, Shown
from fgcore.outputs import Evidence, LossTerms
from fgcore.records import Asked, Detail, Explanation, Map, Panel, Table
from fgcore.report import render
from fgcore.trunks import build_trunk


@settings
class ToySettings:
    """Of the network."""

    level: Annotated[int, between(4, 5)] = 4  # that is attended to


@settings
class ToyLossSettings:
    """Of the loss."""

    pull: Annotated[float, between(0, 100)] = 0.1  # weight of the distance to the centres
    pace: Annotated[float, between(0, 1)] = 0.5  # how far a centre moves towards an image


@dataclass(frozen=True)
class ToyOutput:
    """Everything that the network computed."""

    features: Tensor  # (B, C, h, w)
    attention: Tensor  # (B, 1, h, w) in (0, 1)
    pooled: Tensor  # (B, C)
    logits: Tensor  # (B, K)
    level: int

    def heads(self) -> dict[str, Tensor]:
        return {"ce": self.logits}

    def scored(self) -> dict[str, Tensor]:
        return {"head": self.logits}

    def evidence(self) -> dict[str, Evidence]:
        return {"last features": Evidence(self.features, self.logits, self.level)}


class ToyNet(nn.Module):
    """Trunk, attention, pooling, classifier."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        trunk, self.level = build_trunk(config.trunk, config.weights), config.settings.level
        channels = trunk.channels[self.level - 3]
        self.trunk = trunk.up_to(self.level)
        self.gate = nn.Conv2d(channels, 1, 1)
        self.classifier = nn.Linear(channels, config.num_classes)

    def forward(self, images: Tensor, *, generator: torch.Generator | None = None) -> ToyOutput:
        features = self.trunk(images)
        attention = self.gate(features).sigmoid()
        pooled = (features * attention).mean((2, 3))
        return ToyOutput(features, attention, pooled, self.classifier(pooled), self.level)


class CentreLoss(nn.Module):
    """Cross-entropy, and the distance to centres that move."""

    def __init__(self, config: LossConfig, model: ModelConfig) -> None:
        super().__init__()
        self.settings, self.smoothing = config.settings, config.label_smoothing
        with torch.device("meta"):  # only to know the number of channels
            channels = build_trunk(model.trunk).channels[model.settings.level - 3]
        self.register_buffer("centres", torch.zeros(model.num_classes, channels))

    def forward(self, output: ToyOutput, targets: Tensor, *, generator: torch.Generator | None = None) -> LossTerms:
        ce = F.cross_entropy(output.logits.float(), targets, label_smoothing=self.smoothing)
        pooled = output.pooled.float()
        distance = (pooled - self.centres[targets]).square().mean()
        if torch.is_grad_enabled():
            with torch.no_grad():
                for target in targets.unique():
                    mean = pooled[targets == target].mean(0)
                    self.centres[target] += self.settings.pace * (mean - self.centres[target])
        return LossTerms(ce + self.settings.pull * distance, {"ce": ce, "distance": distance})


@dataclass(frozen=True)
class ToyDetail(Detail):
    """The attention map."""

    attention: np.ndarray  # (h, w)

    def maps(self, size: tuple[int, int], class_index: int) -> dict[str, Map]:
        low, high = float(self.attention.min()), float(self.attention.max())
        return {"toy_attention": Map("toy attention", self.attention, low, high, self.attention.shape)}

    def panels(self, asked: Asked) -> dict[str, Panel]:
        return {"attention": Panel(render.overlay(asked.pixels, self.attention, low=0, high=1), "The toy's attention")}

    def numbers(self, asked: Asked, top: int) -> dict[str, float]:
        return {"attention_mean": round(float(self.attention.mean()), 6)}

    def tables(self, asked: Asked) -> list[Table]:
        return [Table("The toy's attention", ("Mean",), ((f"{self.attention.mean():.6f}",),))]


def detail(network: nn.Module, output: ToyOutput, pixels: np.ndarray, draw_seed: int | None = None) -> ToyDetail:
    return ToyDetail(output.attention[0, 0].detach().float().cpu().numpy())


def measure(network: nn.Module, output: ToyOutput, targets: Tensor, rngs: Sequence[np.random.Generator]) -> list[Shown]:
    maps = output.attention[:, 0].detach().float().cpu().numpy()
    return [Shown(maps={"toy_attention": m}, numbers={"toy_peak": float(m.max())}) for m in maps]


def pack(explanation: Explanation, target: int) -> dict[str, np.ndarray]:
    return {"attention": explanation.detail.attention.astype(np.float16)}


def unpack(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    return arrays["attention"].astype(np.float32)


def image(pixels: np.ndarray, shown: np.ndarray, stretch: float) -> np.ndarray:
    return render.overlay(pixels, shown, low=0, high=1)


def toy_birds() -> Experiment:
    """The toy on three drawn birds, small enough for a test.

    Source: the tests. Command: `python -m fgcore train toy_birds`
    """
    data = DataConfig(
        dataset="synthetic_birds", classes=3, train_per_class=6, test_per_class=2, resize=64, crop=64, square=True,
        eval_crop=False,
    )  # fmt: skip
    optim = OptimConfig(epochs=3, batch_size=6, lr=0.05, trunk_lr=0.01)
    return Experiment(
        name="toy_birds", model=ModelConfig("toy", "squeezenet1_1"), data=data, optim=optim, precision="fp32", workers=0
    )


CENTRE_LOSS = Loss("toy_centres", "Cross-entropy and moving centres", ToyLossSettings, CentreLoss, needs="pooled")
TOY = Method(
    name="toy",
    title="The Toy",
    summary="An attention, and centres that move.",
    settings=ToySettings,
    build=ToyNet,
    loss=CENTRE_LOSS.name,
    detail=detail,
    film=Film(pack, unpack, image, caption=lambda shown, target: f"attention {shown.mean():.2f}"),
    offers=("pooled",),
    measure=measure,
    maps={"toy_attention": "toy attention"},
    measures={"toy_peak": Measure("Toy peak", "The highest attention.", 0)},
    presets=(toy_birds,),
)


def install(folder: Path) -> Path:
    """A folder for PYTHONPATH in which the toy is an installed package: this file, and its entry points."""
    about = folder / "toy-0.1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text(
        "[fgcore.methods]\ntoy_loss = toy_method:CENTRE_LOSS\ntoy = toy_method:TOY\n"
    )
    (folder / "toy_method.py").write_text(Path(__file__).read_text(encoding="utf-8"))
    return folder
