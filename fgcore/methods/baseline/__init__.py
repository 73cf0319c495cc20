"""The baseline: trunk, dense head, cross-entropy. What the methods are compared with; see README.md."""

from fgcore.config import NoSettings
from fgcore.methods.base import Loss, Method
from fgcore.methods.baseline import loss, network, presets
from fgcore.methods.baseline.film import FILM
from fgcore.methods.baseline.settings import BaselineSettings
from fgcore.records import Detail

CROSS_ENTROPY = Loss("ce", "Cross-entropy", NoSettings, loss.build)

BASELINE = Method(
    name="baseline",
    title="Baseline",
    summary="Trunk, dense head and cross-entropy: what the methods are compared with.",
    settings=BaselineSettings,
    build=network.build,
    loss=CROSS_ENTROPY.name,
    detail=lambda network, output, pixels, draw_seed: Detail(),
    film=FILM,
    presets=presets.PRESETS,
)
