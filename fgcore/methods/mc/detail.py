"""What MC-Loss shows of one image: maps, panels, numbers and tables of the channels that a class owns."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from fgcore.methods.mc.channel_groups import channel_groups, group
from fgcore.methods.mc.output import MCOutput
from fgcore.methods.mc.records import ChannelGroups, Group
from fgcore.records import Asked, Detail, Map, Panel, Table
from fgcore.report import render

TILE = 160  # pixels, side of a channel map in a mosaic
_COLUMNS = 5  # of a mosaic


@dataclass(frozen=True)
class MCDetail(ChannelGroups, Detail):
    """All channels of one image, and what a reader asks of them."""

    def maps(self, size: tuple[int, int], class_index: int) -> dict[str, Map]:
        """The CCMP of the class, >= 0."""
        values = group(self, class_index).ccmp
        return {"ccmp": Map("CCMP", values, 0.0, float(values.max()), values.shape, class_index)}

    def panels(self, asked: Asked) -> dict[str, Panel]:
        """Raw channels and CCMP of the class and of its contrast class; a class's maps share one colour scale."""
        result: dict[str, Panel] = {}
        for role, index in (("class", asked.class_index), ("contrast", asked.contrast)):
            result |= _panels(asked.pixels, role, group(self, index), asked.class_names[index])
        return result

    def numbers(self, asked: Asked, top: int) -> dict[str, Any]:
        """Score, diversity and overlap of the class's channels and of the contrast class's."""
        return {"groups": [_numbers(group(self, index), asked.class_names) for index in asked.both]}

    def tables(self, asked: Asked) -> list[Table]:
        """The same to read."""
        groups = [(asked.class_names[index], group(self, index)) for index in asked.both]
        head = ("Class", "Channels xi", "Score g (mean of the CCMP map)", "Diversity h (1 alike to xi disjoint)")
        rows = tuple((name, str(len(g.channels)), f"{g.score:.6f}", f"{g.diversity:.6f}") for name, g in groups)
        first = Table("The channels of the class and of its contrast class", head, rows)
        return [first, *(_overlap(shown, name) for name, shown in groups)]


def detail(network: nn.Module, output: MCOutput, pixels: np.ndarray, draw_seed: int | None = None) -> MCDetail:
    """The detail of the first image of a batch."""
    groups = channel_groups(output)
    return MCDetail(**{name: getattr(groups, name) for name in groups.__dataclass_fields__})


def _panels(pixels: np.ndarray, role: str, shown: Group, name: str) -> dict[str, Panel]:
    high = float(shown.channels.max())
    size = (TILE, TILE * shown.channels.shape[2] // shown.channels.shape[1])
    maps = [render.colour(render.resize_map(m, size, smooth=False), low=0, high=high) for m in shown.channels]
    return {
        f"{role}_channels": Panel(
            render.tiles(maps, columns=min(len(maps), _COLUMNS)),
            f"Raw channels of {name}, from 0 to their common maximum",
        ),
        f"{role}_ccmp": Panel(
            render.overlay(pixels, shown.ccmp, low=0, high=high),
            f"CCMP of {name}: maximum over its channels, on the same scale",
        ),
    }


def _numbers(shown: Group, names: tuple[str, ...]) -> dict[str, Any]:
    return {
        "class": names[shown.class_index],
        "channels": len(shown.channels),
        "score": round(shown.score, 6),
        "diversity": round(shown.diversity, 6),
        "overlap": np.round(shown.overlap, 4).tolist(),
    }


def _overlap(shown: Group, name: str) -> Table:
    numbered = [str(number) for number in range(1, len(shown.channels) + 1)]
    rows = tuple(
        (number, *(f"{value:.4f}" for value in row)) for number, row in zip(numbered, shown.overlap, strict=True)
    )
    title = f"Overlap of the channels of {name}, two at a time: 0 disjoint, 1 at the same place"
    return Table(title, ("Channel", *numbered), rows, folded=True)
