"""The models in the page's address: `?models=mc_cub50,ap_cub50`, names of files or of training runs."""

from collections.abc import Sequence

import streamlit as st

from app import state
from app.checkpoints import Catalogue, Entry


def follow(catalogue: Catalogue, source: str) -> None:
    """Choose the models that the address names, once for each address; unknown names are ignored.

    Args:
        catalogue: what there is. Models that know other classes than the first one named are left out.
        source: of the image, which has a choice of its own. Call this before the widgets are drawn.
    """
    asked = st.query_params.get(state.sidebar.MODELS_LINK)
    if asked is None or asked == state.sidebar.linked():
        return
    state.sidebar.keep_link(asked)
    known = {entry.name: label_set for label_set in reversed(catalogue.label_sets) for entry in label_set.entries}
    names = [name for name in asked.split(",") if name in known]
    if not names:
        return
    label_set = known[names[0]]
    chosen = [str(entry.path) for entry in label_set.entries if entry.name in names]
    st.session_state[state.sidebar.LABEL_SET.format(source=source)] = label_set.key
    st.session_state[state.sidebar.MODELS.format(label_set=label_set.key)] = chosen


def tell(entries: Sequence[Entry], *, usual: bool) -> None:
    """Write the chosen models into the address, unless they are those that a visitor sees first."""
    names = None if usual or not entries else ",".join(entry.name for entry in entries)
    state.sidebar.keep_link(names)
    if names is not None:
        st.query_params[state.sidebar.MODELS_LINK] = names
    elif state.sidebar.MODELS_LINK in st.query_params:
        del st.query_params[state.sidebar.MODELS_LINK]
