"""A class and its contrast class under a mask of their channels: what every figure of MC-Loss is drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.checkpoints import Entry
from fgcore.config import LossConfig
from fgcore.methods.mc import MC_LOSS
from fgcore.methods.mc.channel_groups import draw_masks, group
from fgcore.methods.mc.detail import MCDetail
from fgcore.methods.mc.records import Group
from fgcore.records import Explanation

_CALLED = {"class": "the class", "contrast": "the contrast class"}


@dataclass(frozen=True)
class Side:
    """A class and what there is to say of it."""

    index: int
    name: str
    role: str  # "class" or "contrast"
    numbers: range  # its channels
    group: Group
    rank: int  # of its score among all classes, from 1

    @property
    def called(self) -> str:
        """Its role in words."""
        return _CALLED[self.role]


def sides(shown: Explanation, classes: Sequence[int], mask: np.ndarray) -> list[Side]:
    """Class and contrast class, where there is one, of an MC-Loss model; `mask` is (C,) bool, False: dropped."""
    return [_side(shown, index, mask, role) for index, role in zip(classes, _CALLED, strict=False)]


def _side(shown: Explanation, index: int, mask: np.ndarray, role: str) -> Side:
    groups: MCDetail = shown.detail
    owned, rank = groups.channels_of(index), 1 + int((groups.scores > groups.scores[index]).sum())
    kept = mask[owned.start : owned.stop]
    return Side(index, shown.class_names[index], role, owned, group(groups, index, kept), rank)


def loss_config(entry: Entry) -> LossConfig:
    """The model's MC-Loss; where the network was trained with another loss, MC-Loss with its default settings."""
    loss = entry.checkpoint.experiment.loss
    return loss if loss.kind == MC_LOSS.name else LossConfig(MC_LOSS.name, loss.label_smoothing)


def drawn_mask(entry: Entry, groups: MCDetail, seed: int) -> np.ndarray:
    """The mask of all groups that training draws from this seed, (C,) bool, True: kept."""
    return draw_masks(groups.group_sizes, seed, loss_config(entry).settings)
