"""What all parts of the MC-Loss page show: one model, one image, a class with its contrast class, and a mask."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app import resources, state
from app.charts.panels import Outline
from app.checkpoints import Entry
from app.methods.mc import session
from app.methods.mc.sides import Side, drawn_mask, loss_config, sides
from app.state.sidebar import Image
from fgcore.methods import LOSSES, build_loss
from fgcore.methods.mc.channel_groups import GroupScores, group_scores
from fgcore.methods.mc.detail import MCDetail
from fgcore.methods.mc.head_reading import HeadReading, LossParts, loss_parts, read_head
from fgcore.records import Explanation


@st.cache_data(max_entries=256, show_spinner=False)
def _reading(checkpoint: str, image: str, class_index: int, _entry: Entry, _groups: MCDetail) -> HeadReading:
    return read_head(resources.inspector(_entry).loaded.model.head, _groups, class_index)


@st.cache_data(max_entries=256, show_spinner=False)
def _loss(checkpoint: str, image: str, target: int, mask: int | bytes, _entry: Entry, _groups: MCDetail) -> LossParts:
    loss = build_loss(loss_config(_entry), _entry.checkpoint.experiment.model)
    head = resources.inspector(_entry).loaded.model.head
    return loss_parts(loss, head, _groups, target, mask if isinstance(mask, int) else np.frombuffer(mask, bool))


def loss_of(entry: Entry, groups: MCDetail, sha256: str, target: int, mask: int | np.ndarray) -> LossParts:
    """The loss of an image with this sha256, `target` being the true class. See `head_reading.loss_parts`."""
    mask = mask if isinstance(mask, int) else mask.tobytes()
    return _loss(entry.checkpoint.sha256, sha256, target, mask, entry, groups)


@dataclass(frozen=True)
class Case:
    """One state of the page; no session is needed to read it, so that downloads can be made in another thread."""

    entry: Entry
    shown: Explanation
    image: Image
    pair: tuple[int, ...]  # class and contrast class
    truth: str | None  # the class that was drawn, where known
    number: int  # of the mask drawn; 0: none
    kept: Mapping[int, tuple[int, ...]]  # class -> the channels that the visitor keeps, where changed by hand
    marks: Sequence[Outline]
    cells: bool

    @property
    def key(self) -> str:
        """A name for widgets."""
        return self.entry.key

    @property
    def names(self) -> tuple[str, ...]:
        """The classes."""
        return self.shown.class_names

    @property
    def groups(self) -> MCDetail:
        """All channels."""
        return self.shown.detail

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
        return drawn_mask(self.entry, self.groups, number) if number else np.ones(len(self.groups.features), bool)

    def mask(self) -> np.ndarray:
        """The mask of the page: the drawn one with the visitor's changes, (C,) bool."""
        mask = self.drawn(self.number)
        for index, kept in self.kept.items():
            owned = self.groups.channels_of(index)
            mask[owned.start : owned.stop] = np.isin(np.array(owned), kept)
        return mask

    def group_key(self, index: int) -> session.MCGroup:
        """Under which name the visitor's changes to a group are kept."""
        return self.key, self.number, index

    def scores(self, mask: np.ndarray) -> GroupScores:
        """What the groups say under a mask."""
        return group_scores(self.groups, mask)

    def sides(self, mask: np.ndarray) -> list[Side]:
        """Class and contrast class under a mask."""
        return sides(self.shown, self.pair, mask)

    @property
    def whose(self) -> str:
        """Whose settings of MC-Loss count, in words."""
        kind = self.entry.checkpoint.experiment.loss.kind
        own = kind == loss_config(self.entry).kind
        return "this checkpoint's own" if own else f"default (this network was trained with {LOSSES[kind].title})"

    @property
    def cross_entropy(self) -> str:
        """What the classifier's loss is, in words."""
        smoothing = self.entry.checkpoint.experiment.loss.label_smoothing
        return f"−log p(true), labels smoothed by {smoothing:g}" if smoothing else "−log p(true)"

    def reading(self, index: int) -> HeadReading:
        """How the classifier uses the groups for one class."""
        return _reading(self.entry.checkpoint.sha256, self.image.sha256, index, self.entry, self.groups)

    def loss(self, mask: int | np.ndarray) -> LossParts:
        """The loss of this image: as training computes it with the mask of this number, or rebuilt under a mask."""
        return loss_of(self.entry, self.groups, self.image.sha256, self.target, mask)


def changed_by_hand(entry: Entry, number: int, pair: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """For each class of the pair the channels that the visitor keeps, where the mask was changed. See `Case.kept`."""
    kept = {index: session.kept_by_hand((entry.key, number, index)) for index in pair}
    return {index: channels for index, channels in kept.items() if channels is not None}


def mask_control(field: DeltaGenerator, button: DeltaGenerator, entry: Entry) -> int:
    """The number of the mask, 0 for none, and a button that draws another."""
    number = field.number_input(
        "Mask", min_value=0, max_value=session.MOST_MASKS - 1, value=0, step=1, key=session.MASK,
        bind="query-params",
        help="0 keeps all channels; every other number is a mask drawn as training draws it, for all classes at once.",
    )  # fmt: skip
    number = min(max(int(number or 0), 0), session.MOST_MASKS - 1)
    button.button(
        "Another mask", icon=":material/casino:", key="mc-draw", width="stretch", on_click=_draw,
        args=(entry.key, number),
    )  # fmt: skip
    return number


def _draw(checkpoint: str, number: int) -> None:
    state.advance(session.MASK, session.MOST_MASKS)
    session.keep_as_drawn(checkpoint, number + 1)
