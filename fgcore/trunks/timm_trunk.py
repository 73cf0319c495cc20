"""Any architecture of timm that gives strides 8, 16 and 32, as a trunk.

timm is imported where it is needed: it takes a second.
"""

import contextlib
import difflib
import functools
import logging
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from fgcore.outputs import LEVELS, Pyramid
from fgcore.trunks.base import Frozen, Trunk, TrunkPart, check_input
from fgcore.trunks.sources import HUB, PACKAGES, in_order, offline_explained, read_state, weights_source
from fgcore.trunks.timm_chain import can_split, cut

_SIDES = (64, 128, 224, 256)  # pixels of the probes, smallest first
_FITTING = Path(__file__).with_name("timm_names.txt")  # made by `python -m benchmarks trunks`


@dataclass(frozen=True)
class Layout:
    """Where a network gives the three levels."""

    places: tuple[int, int, int]  # positions among its feature maps
    channels: Pyramid[int]
    last: bool  # channels are the last axis: (B, h, w, C)
    size: int  # side of the only input that it takes; 0: any multiple of 32
    side: int  # of an input that it takes, pixels
    splits: bool  # whether it is a chain of modules that can be cut at level 3


def default_config(name: str) -> Any:  # noqa: ANN401  (timm's own record)
    """What timm says of the architecture's default weights.

    Raises:
        ValueError: an unknown name.
    """
    import timm

    config = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    if config is None:
        if timm.is_model(name):
            return timm.models.PretrainedCfg()
        raise ValueError(f"timm has no architecture {name!r}; near it: {', '.join(near(name))}")
    return config


def near(name: str) -> list[str]:
    """Architectures of similar names that fit."""
    fitting = _FITTING.read_text(encoding="utf-8").split() if _FITTING.is_file() else list(PACKAGES)
    return difflib.get_close_matches(name, fitting, n=3, cutoff=0.3) or fitting[:3]


def build(name: str, weights: str = "") -> Trunk:
    """An architecture of timm as a `Trunk`; see `fgcore.trunks.build_trunk`."""
    layout = layout_of(name)
    network = _network(name, layout.places, weights)
    signed = functools.partial(is_signed, name)
    if not layout.splits:
        return WholeTrunk(network, layout, signed)
    return Trunk(*cut(network, layout.last), layout.channels, signed=signed, size=layout.size)


def _network(name: str, places: tuple[int, ...] | None, weights: str = "") -> nn.Module:
    """Timm's network that returns feature maps, at `places` or all of them."""
    import timm

    source = weights_source(f"timm:{name}", weights)
    options: dict[str, Any] = {"features_only": True, "pretrained": bool(source)}
    if places is not None:
        options["out_indices"] = places
    if source and source != HUB:
        options["pretrained_cfg_overlay"] = {"state_dict": _full_state(name, source)}
    with warnings.catch_warnings(action="ignore"), _quiet() as missing, offline_explained(f"timm:{name}"):
        try:
            network = timm.create_model(name, **options)
        except RuntimeError as error:
            if source in ("", HUB):
                raise
            lines = str(error).strip().splitlines()
            raise ValueError(
                f"{Path(source).name} does not hold the weights of timm:{name}: {lines[-1].strip()}"
            ) from error
    learnt = [*dict(network.named_parameters()), *(name for name, _ in network.named_buffers() if "running_" in name)]
    own = {name.removeprefix("model.").replace(".", "_") for name in learnt}
    lacking = [name for name in missing if name.replace(".", "_") in own]
    if lacking and source != HUB:
        raise ValueError(
            f"{Path(source).name} does not hold the weights of timm:{name}: it lacks {', '.join(lacking[:3])}; give a "
            "file of the whole network"
        )
    return network


@contextlib.contextmanager
def _quiet() -> Iterator[list[str]]:
    """Nothing is printed of what timm logs while it loads weights; the names of tensors that it did not find.

    It lists them at level INFO and nowhere else, those of the classifier among them, which are not wanted here.
    """
    logger, missing = logging.getLogger("timm.models._builder"), _Missing()
    before = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(missing)
    try:
        yield missing.names
    finally:
        logger.removeHandler(missing)
        logger.setLevel(before[0])
        logger.propagate = before[1]


class _Missing(logging.Handler):
    """Keeps the names in "Missing keys (a, b) discovered ..."."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Read one message."""
        start, _, rest = record.getMessage().partition("(")
        if start == "Missing keys ":
            self.names += rest.partition(")")[0].split(", ")


def _full_state(name: str, source: str) -> dict[str, Tensor]:
    """The whole network's weights of a file, by timm's names."""
    import timm

    state = read_state(source, f"timm:{name}")
    with torch.device("meta"), warnings.catch_warnings(action="ignore"):
        expected = timm.create_model(name).state_dict()
    if name in PACKAGES and not set(state) & set(expected):  # the packages keep the names of another library
        state = in_order(state, expected, f"timm:{name}")
    found = set(state) & set(expected)
    if len(found) < len(expected) // 2:
        raise ValueError(
            f"{Path(source).name} does not hold the weights of timm:{name}: {len(found)} of {len(expected)} names fit; "
            "give its own file"
        )
    return state


@functools.lru_cache(maxsize=1024)
def layout_of(name: str) -> Layout:
    """Where an architecture gives strides 8, 16 and 32, found by one forward pass.

    Raises:
        ValueError: it does not, or timm has no such architecture; near ones that do are named.
    """
    config = default_config(name)
    try:
        places = _places(name)
    except (ValueError, RuntimeError, AttributeError, TypeError, AssertionError, KeyError) as error:
        raise _refusal(name, f"gives no feature maps ({_first_words(error)})") from error
    if places is None:
        raise _refusal(name, "gives no feature maps at strides 8, 16 and 32")
    fixed = config.input_size[-1] if config.fixed_input_size else 0
    if fixed % 32:
        raise _refusal(name, f"takes {fixed} x {fixed} pixels only, which is no multiple of 32")
    problem: Exception | None = None
    for side in (fixed,) if fixed else _SIDES:
        try:
            return _measured(name, places, side, side if side > _SIDES[1] else fixed)  # windows that fit no other
        except _NominalError as error:
            raise _refusal(name, str(error)) from None
        except (RuntimeError, AssertionError, ValueError, IndexError, TypeError, NotImplementedError) as error:
            problem = error
    raise _refusal(name, f"takes no input of {_SIDES[-1]} pixels ({_first_words(problem)})")


class _NominalError(Exception):
    """The strides that a network states are not those of its maps."""


def _places(name: str) -> tuple[int, int, int] | None:
    import timm

    with torch.device("meta"), warnings.catch_warnings(action="ignore"):
        try:
            info = timm.create_model(name, features_only=True).feature_info
        except (RuntimeError, NotImplementedError):  # it computes with its weights while it is built
            with torch.device("cpu"):
                info = timm.create_model(name, features_only=True).feature_info
    strides, indices = info.reduction(), info.out_indices
    wanted = [2**level for level in LEVELS]
    if not set(wanted) <= set(strides):
        return None
    return tuple(indices[len(strides) - 1 - strides[::-1].index(stride)] for stride in wanted)


def _measured(name: str, places: tuple[int, int, int], side: int, fixed: int) -> Layout:
    maps, network = _forward(name, places, side)
    if any(value.ndim != 4 for value in maps):
        raise _NominalError("gives no feature maps of rows and columns")
    last = _last(network)
    shapes = [value.permute(0, 3, 1, 2).shape if last else value.shape for value in maps]
    wrong = next((n for n, s in zip(LEVELS, shapes, strict=True) if tuple(s[-2:]) != (side >> n, side >> n)), None)
    if wrong:
        rows = shapes[wrong - LEVELS[0]][-1]
        raise _NominalError(f"states stride {2**wrong}, but makes {rows} cells of {side} pixels")
    return Layout(places, Pyramid(*(shape[1] for shape in shapes)), last, fixed, side, can_split(network, side, last))


def _forward(name: str, places: tuple[int, int, int], side: int) -> tuple[list[Tensor], nn.Module]:
    """The maps of one image, without memory where the network allows that."""
    try:
        with torch.device("meta"), torch.no_grad():
            network = _network(name, places).eval()
            return network(torch.empty(1, 3, side, side)), network
    except (RuntimeError, NotImplementedError):  # it computes with its weights
        with torch.device("cpu"), torch.no_grad(), torch.random.fork_rng(devices=[]):
            network = _network(name, places).eval()
            return network(torch.zeros(1, 3, side, side)), network


def _last(network: nn.Module) -> bool:
    return str(getattr(network, "output_fmt", "NCHW")).endswith("NHWC")


@functools.lru_cache(maxsize=256)
def is_signed(name: str) -> bool:
    """Whether any level may be negative: tried with random weights on random images.

    A level that ends in a ReLU never is; one that ends in anything else is at once, since its values are many.
    """
    layout = layout_of(name)
    with torch.device("cpu"), torch.no_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        maps = _network(name, layout.places).eval()(
            torch.randn(2, 3, *(layout.size or max(layout.side, _SIDES[1]),) * 2)
        )
        return any(bool((value < 0).any()) for value in maps)


class WholeTrunk(Trunk):
    """A network that gives its levels together and cannot start again from one of them."""

    splits = False

    def __init__(self, network: nn.Module, layout: Layout, signed: Any) -> None:  # noqa: ANN401
        nn.Module.__init__(self)
        self.network, self.size = network, layout.size
        self.channels, self.last_level = layout.channels, LEVELS[-1]
        self._last, self._signed = layout.last, signed

    def stem_of(self) -> nn.Module:
        """It has none."""
        return Frozen.stem_of(self)

    def forward(self, images: Tensor) -> Pyramid[Tensor]:
        """See `Trunk.forward`."""
        check_input(images, self.size)
        maps = self._through(self.network, images)
        return Pyramid(*(value.permute(0, 3, 1, 2).contiguous() if self._last else value for value in maps))

    def up_to(self, level: int) -> TrunkPart:
        """See `Trunk.up_to`."""
        if level not in LEVELS[1:]:
            raise ValueError(f"features are read at level 4 (stride 16) or 5 (stride 32), got {level}")
        return _OneLevel(self, level)


class _OneLevel(TrunkPart):
    """One level of a network that gives all of them together."""

    def __init__(self, trunk: WholeTrunk, level: int) -> None:
        super().__init__(OrderedDict(whole=trunk), trunk.size)
        self.place = level - LEVELS[0]

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, C, H/2^level, W/2^level)."""
        return self.whole(images)[self.place]


def _refusal(name: str, why: str) -> ValueError:
    return ValueError(f"timm:{name} {why}, as the methods need; near it these do: {', '.join(near(name))}")


def _first_words(error: Exception | None) -> str:
    words = str(error).strip().splitlines()
    return words[0][:120] if words else type(error).__name__
