"""Widgets for settings: types, limits and choices are the config's, and only what differs from the recipe is kept."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import streamlit as st

from app import state
from fgcore.config import Experiment, choices, limits

_WIDEST = 10**9  # what a number field can hold


@dataclass(frozen=True)
class Settings:
    """The fields of one recipe; see `app.methods.base.Fields`."""

    base: Experiment
    changed: dict[str, str] = field(default_factory=dict)  # full name -> text, as on the command line

    def value(self, path: str) -> Any:  # noqa: ANN401
        """What the recipe says."""
        return reduce(getattr, path.split("."), self.base)

    def keep(self, path: str, value: Any) -> None:  # noqa: ANN401
        """Note a setting that differs from the recipe's."""
        if value is not None and value != self.value(path):
            self.changed[path] = str(value).lower() if isinstance(value, bool) else str(value)

    def key(self, path: str) -> str:
        """A name for the widget of a setting."""
        return state.train.SETTING.format(field=path.rpartition(".")[2], recipe=self.base.name)

    def number(self, label: str, path: str, **more: Any) -> float:
        """A number field; `more` goes to `st.number_input`, `least` raises the lowest value offered."""
        value = self.value(path)
        low, high = limits(self.base, path)
        low = max(low, more.pop("least", low), -_WIDEST)
        low, high = (type(value)(side) for side in (low, min(high, _WIDEST)))
        if isinstance(value, float):
            more = {"format": "%g", "step": float(value) / 10 or 0.1} | more
        entered = st.number_input(label, low, high, min(max(value, low), high), key=self.key(path), **more)
        self.keep(path, entered)
        return value if entered is None else entered

    def choice(self, label: str, path: str, words: Mapping[str, str] | None = None, **more: Any) -> str:
        """A select box; `words` say what to call the options."""
        options, value, words = list(choices(self.base, path)), self.value(path), words or {}
        chosen = st.selectbox(
            label, options, index=options.index(value), format_func=lambda option: words.get(option, option),
            key=self.key(path), **more,
        )  # fmt: skip
        self.keep(path, chosen)
        return chosen

    def toggle(self, label: str, path: str, **more: Any) -> bool:
        """A switch; `more` goes to `st.toggle`."""
        chosen = st.toggle(label, value=self.value(path), key=self.key(path), **more)
        self.keep(path, chosen)
        return chosen
