"""The circumstances of a sample (pose, place, light) and the passage from a painting to a finished image.

Nothing here knows the class: relatives drawn with the same seed share everything but the parts that differ.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from fgcore.data.synthetic.canvas import Canvas

_UNIT = 160.0  # the byte that stands for a gain of 1
_NOISE_SPREAD = 52.1  # standard deviation of the mean of two uniform bytes


@dataclass(frozen=True)
class Light:
    """How a scene is lit and photographed.

    Attributes:
        direction: unit vector in the image towards the light.
        level: overall brightness, 1 is neutral.
        warmth: colour temperature, above 0 warmer.
        slant: brightness slope across the frame, in x and y.
        vignette: darkening of the corners, share.
        blur: standard deviation of the lens blur, in pixels of a 256 px image.
        grain: standard deviation of the sensor noise, in grey levels.
    """

    direction: tuple[float, float]
    level: float
    warmth: float
    slant: tuple[float, float]
    vignette: float
    blur: float
    grain: float


def random_light(rng: np.random.Generator) -> Light:
    """A light from somewhere above."""
    angle = np.deg2rad(rng.uniform(-62, 62))
    slant = rng.uniform(-0.14, 0.14, 2)
    return Light(
        direction=(float(np.sin(angle)), float(-np.cos(angle))),
        level=rng.uniform(0.86, 1.08),
        warmth=rng.normal(0.0, 0.035),
        slant=(float(slant[0]), float(slant[1])),
        vignette=rng.uniform(0.02, 0.16),
        blur=max(0.0, rng.uniform(-0.35, 0.6)),
        grain=rng.uniform(0.8, 2.6),
    )


def finish(canvas: Canvas, backdrop: np.ndarray, light: Light, rng: np.random.Generator) -> np.ndarray:
    """Lays the painting over the backdrop and photographs it: light, lens and sensor. (S, S, 3) uint8 RGB."""
    colour, alpha = canvas.flattened()
    size = canvas.size
    behind = cv2.multiply(backdrop, cv2.merge([255 - alpha] * 3), scale=1 / 255)
    image = cv2.multiply(cv2.add(behind, colour), _gain(light, size), scale=1 / _UNIT)
    if light.blur > 0.15:
        image = cv2.GaussianBlur(image, (0, 0), light.blur * size / 256)
    first, second = rng.integers(0, 256, (2, size, size), np.uint8)
    noise = cv2.addWeighted(first, 0.5, second, 0.5, 0)
    share = light.grain / _NOISE_SPREAD
    return cv2.addWeighted(image, 1.0, cv2.merge([noise] * 3), share, -share * 127.5)


def _gain(light: Light, size: int) -> np.ndarray:
    """The light's factor per pixel and channel in steps of 1 / _UNIT, (size, size, 3) uint8."""
    at = np.linspace(-1, 1, 17, dtype=np.float32)
    x, y = np.meshgrid(at, at)
    field = light.level * (1 + light.slant[0] * x + light.slant[1] * y) * (1 - light.vignette * (x**2 + y**2) / 2)
    tint = np.array([1 + light.warmth, 1.0, 1 - light.warmth])
    gain = np.clip(field[..., None] * tint * _UNIT, 0, 255).astype(np.uint8)
    return cv2.resize(gain, (size, size), interpolation=cv2.INTER_LINEAR)
