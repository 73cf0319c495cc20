"""What all parts of the MC-Loss page look at: one model, one picture, a class with its rival, and a mask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from streamlit.delta_generator import DeltaGenerator

from app import resources, state
from app.charts.panels import Outline
from app.checkpoints import Entry
from app.components.mc import Side, side_of
from app.state.sidebar import Picture
from fgcore.methods.mc.channel_groups import GroupScores, draw_masks, group_scores
from fgcore.methods.mc.mc_detail import HeadReading, LossParts
from fgcore.records import ChannelGroups, Explanation


@dataclass(frozen=True)
class Story:
    """One state of the page; no session is needed to read it, so that downloads can be made in another thread."""

    entry: Entry
    look: Explanation
    picture: Picture
    pair: tuple[int, ...]  # class and rival
    truth: str | None  # the class that was drawn, where known
    number: int  # of the mask drawn; 0: none
    kept: Mapping[int, tuple[int, ...]]  # class or rival -> the channels that the visitor keeps, where changed by hand
    marks: Sequence[Outline]
    cells: bool

    @property
    def key(self) -> str:
        """A name for widgets."""
        return self.entry.key

    @property
    def names(self) -> tuple[str, ...]:
        """The classes."""
        return self.look.class_names

    @property
    def groups(self) -> ChannelGroups:
        """All channels."""
        return self.look.groups

    @property
    def target(self) -> int:
        """The class that the loss takes for true: what was drawn, or else the class in question."""
        return self.pair[0] if self.truth is None else self.names.index(self.truth)

    @property
    def training_draw(self) -> int:
        """Number of the mask of the training step that the page follows: training always draws one."""
        return max(self.number, 1)

    def drawn(self, number: int) -> np.ndarray:
        """The mask with this number, (C,) bool, as training draws it; 0 keeps all."""
        sizes, dropped = self.groups.group_sizes, self.entry.checkpoint.experiment.loss.dropped
        if not number:
            return np.ones(sum(sizes), bool)
        return draw_masks(sizes, number, None if dropped < 0 else dropped)

    def mask(self) -> np.ndarray:
        """The mask of the page: the drawn one with the visitor's changes, (C,) bool."""
        mask = self.drawn(self.number)
        for index, kept in self.kept.items():
            owned = self.groups.channels_of(index)
            mask[owned.start : owned.stop] = np.isin(np.array(owned), kept)
        return mask

    def group_key(self, index: int) -> state.mc_loss.MCGroup:
        """Under which name the visitor's changes to a group are kept."""
        return self.key, self.number, index

    def scores(self, mask: np.ndarray) -> GroupScores:
        """What the groups say under a mask."""
        return group_scores(self.groups, mask)

    def sides(self, mask: np.ndarray) -> list[Side]:
        """Class and rival under a mask."""
        owned = [self.groups.channels_of(index) for index in self.pair]
        return [
            side_of(self.look, index, mask[channels.start : channels.stop], role)
            for index, channels, role in zip(self.pair, owned, ("class", "rival"), strict=False)
        ]

    @property
    def cross_entropy(self) -> str:
        """What the classifier's loss is, in words."""
        smoothing = self.entry.checkpoint.experiment.loss.label_smoothing
        return f"−log p(true), labels smoothed by {smoothing:g}" if smoothing else "−log p(true)"

    def reading(self, index: int) -> HeadReading:
        """How the classifier uses the groups for one class."""
        return resources.head_reading(self.entry, self.groups, self.picture.sha256, index)

    def loss(self, mask: int | np.ndarray) -> LossParts:
        """The loss of this picture: as training computes it with the mask of this number, or rebuilt under a mask."""
        return resources.mc_loss(self.entry, self.groups, self.picture.sha256, self.target, mask)


def changed_by_hand(entry: Entry, number: int, pair: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """For class and rival, the channels that the visitor keeps where the mask was changed. See `Story.kept`."""
    kept = {index: state.mc_loss.kept_by_hand((entry.key, number, index)) for index in pair}
    return {index: channels for index, channels in kept.items() if channels is not None}


def mask_control(field: DeltaGenerator, button: DeltaGenerator, entry: Entry) -> int:
    """The number of the mask, 0 for none, and a button that draws another."""
    number = field.number_input(
        "Mask", min_value=0, max_value=state.mc_loss.MOST_MASKS - 1, value=0, step=1, key=state.mc_loss.MASK,
        bind="query-params",
        help="0 keeps all channels; every other number is a mask drawn as training draws it, for all classes at once.",
    )  # fmt: skip
    number = min(max(int(number or 0), 0), state.mc_loss.MOST_MASKS - 1)
    button.button(
        "Another mask", icon=":material/casino:", key="mc-draw", width="stretch", on_click=_draw,
        args=(entry.key, number),
    )  # fmt: skip
    return number


def _draw(checkpoint: str, number: int) -> None:
    state.advance(state.mc_loss.MASK, state.mc_loss.MOST_MASKS)
    state.mc_loss.keep_as_drawn(checkpoint, number + 1)
