"""What one visitor's session remembers: every key, its type and its default, in one folder.

A module for the sidebar, one for the classes asked about, and one for each page that remembers something of its own;
methods keep theirs in `app/methods/<name>/session.py`. Keys of widgets marked "link" are also parameters of the page's
address.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from app.state import analyse, checkpoints, classes, compare, learn, sidebar, train

_PAGES = "pages"  # dict: path in the address -> page
_DEFAULTS: dict[str, Any] = {_PAGES: {}}
for _module in (sidebar, classes, analyse, checkpoints, compare, learn, train):
    _DEFAULTS |= _module.DEFAULTS


def prepare() -> None:
    """Give every key that no widget owns its default."""
    for key, default in _DEFAULTS.items():
        st.session_state.setdefault(key, default)


def keep_pages(pages: Mapping[str, st.Page]) -> None:
    """Remember the app's pages by their paths, so that one page can lead to another."""
    st.session_state[_PAGES] = dict(pages)


def page(path: str) -> st.Page:
    """The page with this path."""
    return st.session_state[_PAGES][path]


def advance(key: str, limit: int = 1_000_000) -> None:
    """Callback of "another one" buttons: the next number."""
    st.session_state[key] = (int(st.session_state.get(key) or 0) + 1) % limit
