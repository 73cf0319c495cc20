"""What a method is, and what a loss is: all that the rest of the program asks of one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor, nn

from fgcore.config import Experiment, LossConfig, ModelConfig
from fgcore.outputs import ModelOutput
from fgcore.records import Corners, Detail, Explanation


@dataclass(frozen=True)
class Measure:
    """What a column of numbers says."""

    title: str
    meaning: str  # one sentence, with its source
    better: int  # 1: more is better, -1: less is better, 0: neither
    share: bool = True  # a share of one, or a difference of probabilities: shown in percent


@dataclass(frozen=True)
class Shown:
    """What a method adds to one image of an evaluation. Maps that speak for a class speak for the predicted one."""

    maps: dict[str, np.ndarray] = field(default_factory=dict)  # name of `Method.maps` -> (h, w)
    channels: dict[str, np.ndarray] = field(default_factory=dict)  # name -> (n, h, w): measured one by one, averaged
    covering: np.ndarray | None = None  # (n, h, w) maps whose peaks are counted by the parts that they lie at
    regions: dict[str, np.ndarray] = field(default_factory=dict)  # name of a map -> (N, 4) xyxy: what it was made of
    box: dict[str, Corners] = field(default_factory=dict)  # name of a map -> its one box, held against the object's
    numbers: dict[str, float] = field(default_factory=dict)  # measure, or measure@control -> value


@dataclass(frozen=True)
class Film:
    """How a filmstrip keeps and draws what a method shows after each epoch."""

    pack: Callable[[Explanation, int], dict[str, np.ndarray]]  # (explanation, class) -> small arrays
    unpack: Callable[[Mapping[str, np.ndarray]], Any]  # the arrays -> what `image` and the app draw
    image: Callable[[np.ndarray, Any, float], np.ndarray]  # (resized pixels, unpacked, their stretch)
    caption: Callable[[Any, int], str]  # (unpacked, class) -> a few words in numbers; "" for none
    cam: bool = False  # whether `pack` needs the Grad-CAM


@dataclass(frozen=True)
class Imported:
    """A foreign file's weights as one of our networks."""

    model: ModelConfig
    tensors: dict[str, Tensor]  # by our names
    experiment: Experiment  # how its authors prepare images, as far as it is known
    source: str  # what the file is, in words
    class_names: tuple[str, ...] = ()  # (): unknown


Importer = Callable[[Mapping[str, Tensor], str], Imported | None]  # (state_dict, data set or "") -> None: not ours


@dataclass(frozen=True)
class Method:
    """A network that can be trained, evaluated, explained and shown. See the README of its folder."""

    name: str  # in configs and checkpoints
    title: str  # for people
    summary: str  # one sentence
    settings: type  # of `ModelConfig.settings`
    build: Callable[[ModelConfig], nn.Module]  # a network called as `network(images, generator=None) -> ModelOutput`
    loss: str  # the loss it was published with
    detail: Callable[[nn.Module, ModelOutput, np.ndarray, int | None], Detail]  # see `Inspection.detail`
    film: Film
    offers: tuple[str, ...] = ()  # what a loss may need of the output beyond logits and heads, such as "group_sizes"
    measure: Callable[[nn.Module, ModelOutput, Tensor, Sequence[np.random.Generator]], list[Shown]] | None = None
    maps: Mapping[str, str] = field(default_factory=dict)  # of `Shown`, name -> title; the first is its own answer
    measures: Mapping[str, Measure] = field(default_factory=dict)  # of `Shown.numbers`
    what_if: Callable[..., ModelOutput] | None = None  # (network, output of one image, **changes) -> another output
    presets: tuple[Callable[[], Experiment], ...] = ()
    importers: tuple[Importer, ...] = ()
    plan: Callable[[nn.Module, ModelOutput], dict[str, str]] | None = None  # facts of a laid out network, in words


@dataclass(frozen=True)
class Loss:
    """A loss, an `nn.Module` called as `loss(output, targets, generator=None) -> LossTerms`.

    Its buffers and parameters go to the device, into the run and into exact resume.
    """

    name: str
    title: str
    settings: type  # of `LossConfig.settings`
    build: Callable[[LossConfig, ModelConfig], nn.Module]
    needs: str = ""  # what the network's output must offer, such as "group_sizes"; "": what all have
