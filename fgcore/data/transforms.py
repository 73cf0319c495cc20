"""From stored images to network inputs, and exactly back.

An image is (H, W, 3) uint8 RGB. The steps, each with its `DataConfig` fields:

1. resize: both sides to `resize` when `square`, else the shorter side, keeping the aspect ratio; bilinear with
   antialias. It is the same for every epoch, so data sets keep its result (`resize`).
2. training (`random_view`): `crop_padding` zero pixels on every side, then a random window of crop x crop
   pixels; with `scale_jitter` the window's size varies too and is resized to crop x crop; a horizontal flip
   half of the time; with `colour_jitter` brightness, contrast and saturation; with `trivial_augment` one random
   operation of torchvision's TrivialAugmentWide, such as a rotation or posterising, at a random strength.
   evaluation (`evaluation_view`): the central crop x crop window; with `eval_crop=False` the whole image
   is resized straight to crop x crop instead, and `resize` and `square` play no part.
3. `normalise`: (value / 255 - mean) / std per colour channel; done per batch, on the model's device.

Random numbers come from the passed generator only: the same generator state gives the same view.

Source: the authors' training scripts. AP-CNN, CUB: resize 600 square, crop 448; Cars and Aircraft: resize 448
square, crop 448. MC-Loss from scratch: resize 224 square, crop_padding 4, crop 224, eval_crop off, "half";
with ResNet-50: resize 600 square, crop 448, "half".
**Differs**: those scripts resize with Pillow, this with torchvision on uint8 tensors (equal up to rounding).
"""

import numpy as np
import torch
import torchvision.transforms.v2.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms.v2 import TrivialAugmentWide

from fgcore.config import DataConfig
from fgcore.data.geometry import Geometry

STRIDE = 32  # of the coarsest pyramid level: input sides are multiples of it

_NORMALISATIONS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "clip": ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
_TRIVIAL_AUGMENT = TrivialAugmentWide()


def normalisation(name: str) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and standard deviation of the colour channels RGB, for values in [0, 1].

    Args:
        name: "imagenet", as torchvision's weights expect; "half": 0.5 and 0.5, which maps to [-1, 1]; "clip"; "none";
            or six numbers, such as "0.5,0.5,0.5/0.25,0.25,0.25".

    Raises:
        ValueError: another name.
    """
    if name in _NORMALISATIONS:
        return _NORMALISATIONS[name]
    try:
        mean, std = (tuple(map(float, part.split(","))) for part in name.split("/"))
    except ValueError:
        mean, std = (), ()
    if len(mean) != 3 or len(std) != 3 or min(std, default=0) <= 0:
        raise ValueError(
            f"normalise should be trunk, {', '.join(_NORMALISATIONS)}, or three means and three standard deviations as "
            f"in 0.5,0.5,0.5/0.25,0.25,0.25; got {name!r}"
        )
    return mean, std


def name_of(mean: tuple[float, float, float], std: tuple[float, float, float]) -> str:
    """What `normalisation` reads as these numbers."""
    known = next((name for name, numbers in _NORMALISATIONS.items() if numbers == (mean, std)), "")
    return known or "/".join(",".join(f"{value:.6g}" for value in values) for values in (mean, std))


def normalise(images: Tensor, config: DataConfig) -> Tensor:
    """Images as the network takes them: float32, (value - mean) / std; see `normalisation`.

    Args:
        images: (..., 3, H, W), uint8, or float in [0, 1]; any device, memory format kept.
        config: its field `normalise` counts.
    """
    mean, std = _channel_columns(config, images.device)
    if not images.is_floating_point():
        return images.float().mul_(1 / (255 * std)).sub_(mean / std)
    return (images.float() - mean) / std


def display(image: Tensor, config: DataConfig) -> NDArray[np.uint8]:
    """A normalised image as it was: the exact inverse of `normalise` on uint8 images.

    Args:
        image: (3, H, W) normalised; values outside the range of an image are clipped.
        config: its field `normalise` counts.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    mean, std = _channel_columns(config, image.device)
    levels = (image.detach().float() * std + mean).mul_(255).round_().clamp_(0, 255)
    return levels.to(torch.uint8).permute(1, 2, 0).cpu().contiguous().numpy()


def _channel_columns(config: DataConfig, device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and std as (3, 1, 1), to broadcast over pixels."""
    mean, std = normalisation(config.normalise)
    return torch.tensor(mean, device=device).view(3, 1, 1), torch.tensor(std, device=device).view(3, 1, 1)


def preprocess(image: NDArray[np.uint8], config: DataConfig) -> tuple[Tensor, Geometry]:
    """One image as the network sees it in evaluation, and where its pixels came from.

    Args:
        image: (H, W, 3) uint8 RGB.
        config: its transform fields; see the head of this module.

    Returns:
        (3, crop, crop) float32, normalised; the map between both pixel grids.

    Raises:
        TypeError: the image is not uint8.
        ValueError: the image is not (H, W, 3), or a setting cannot work.
    """
    view, geometry = evaluation_view(image, config)
    return normalise(view, config), geometry


def augment(image: NDArray[np.uint8], config: DataConfig, rng: np.random.Generator) -> Tensor:
    """One image as the network sees it in training, before `normalise`.

    Args:
        image: (H, W, 3) uint8 RGB.
        config: its transform fields; see the head of this module.
        rng: the only source of randomness.

    Returns:
        (3, crop, crop) uint8.

    Raises:
        TypeError: the image is not uint8.
        ValueError: the image is not (H, W, 3), or a setting cannot work.
    """
    return random_view(resize(image, config), config, rng)


def evaluation_view(image: NDArray[np.uint8], config: DataConfig) -> tuple[Tensor, Geometry]:
    """`preprocess` before `normalise`: (3, crop, crop) uint8, and the map between both pixel grids."""
    if not config.eval_crop:
        resized = _resized(image, (config.crop, config.crop))
        left = top = 0
    else:
        resized = resize(image, config)
        # torchvision's CenterCrop rounds half to even, and so the papers' scripts do
        top, left = (round((side - config.crop) / 2) for side in resized.shape[1:])
    view = _window(resized, top, left, config.crop, config.crop)
    scale = resized.shape[2] / image.shape[1], resized.shape[1] / image.shape[0]
    return view, Geometry(scale, (float(-left), float(-top)), config.crop)


def resize(image: NDArray[np.uint8], config: DataConfig) -> Tensor:
    """The image at `config.resize`: (3, H', W') uint8, contiguous; what no epoch changes."""
    if config.square:
        return _resized(image, (config.resize, config.resize))
    _check_image(image)
    height, width = image.shape[:2]
    shorter = min(height, width)
    return _resized(image, (config.resize * height // shorter, config.resize * width // shorter))


def random_view(resized: Tensor, config: DataConfig, rng: np.random.Generator) -> Tensor:
    """A random training view of an image that `resize` gave: (3, crop, crop) uint8, in memory of its own."""
    padded = F.pad(resized, [config.crop_padding]) if config.crop_padding else resized
    height, width = padded.shape[1:]
    window = _random_window_size(min(height, width), config, rng)
    top = int(rng.integers(height - window[0] + 1))
    left = int(rng.integers(width - window[1] + 1))
    view = _window(padded, top, left, *window)
    if window != (config.crop, config.crop):
        view = F.resize(view, [config.crop, config.crop], antialias=True)
    if rng.random() < 0.5:
        view = F.horizontal_flip(view)
    if config.colour_jitter:
        view = _jittered(view, config.colour_jitter, rng)
    return _trivially_augmented(view, rng) if config.trivial_augment else view


def _random_window_size(side: int, config: DataConfig, rng: np.random.Generator) -> tuple[int, int]:
    """Height and width of the training window, in pixels of the resized image.

    With `scale_jitter` its area is a random share, at least 1 - scale_jitter, of the largest square that fits;
    its aspect ratio lies within 3/4 and 4/3, nearer to 1 where the window would not fit. Unlike torchvision's
    RandomResizedCrop every draw fits, so no draw is thrown away.
    """
    if not config.scale_jitter:
        return config.crop, config.crop
    share = rng.uniform(1 - config.scale_jitter, 1)
    limit = min(np.log(4 / 3), -np.log(share))  # share * ratio <= 1: neither side exceeds the square's
    ratio = np.exp(rng.uniform(-limit, limit))  # width / height
    height, width = (max(1, round(side * np.sqrt(area))) for area in (share / ratio, share * ratio))
    return height, width


def _jittered(view: Tensor, strength: float, rng: np.random.Generator) -> Tensor:
    """Brightness, contrast and saturation, in this order, each by a factor within 1 - strength and 1 + strength."""
    brightness, contrast, saturation = rng.uniform(1 - strength, 1 + strength, 3).tolist()
    view = F.adjust_brightness(view, brightness)
    view = F.adjust_contrast(view, contrast)
    return F.adjust_saturation(view, saturation)


def _trivially_augmented(view: Tensor, rng: np.random.Generator) -> Tensor:
    """TrivialAugmentWide, whose draws come from torch's global generator: seeded here by `rng`, then put back."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(int(rng.integers(2**63)))
        return _TRIVIAL_AUGMENT(view)


def _window(image: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    # a copy even of the whole: what is kept must not change with what was handed out
    return image[:, top : top + height, left : left + width].clone(memory_format=torch.contiguous_format)


def _resized(image: NDArray[np.uint8], size: tuple[int, int]) -> Tensor:
    _check_image(image)
    image = torch.from_numpy(np.array(image)).permute(2, 0, 1)  # (3, H, W), channels last: the fast path
    return F.resize(image, list(size), antialias=True).contiguous()


def _check_image(image: NDArray[np.uint8]) -> None:
    if image.dtype != np.uint8:
        raise TypeError(f"expected an image of uint8 levels 0 to 255, got {image.dtype}; convert it first")
    if image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise ValueError(f"expected an RGB image (H, W, 3), got shape {image.shape}; convert it to RGB first")
