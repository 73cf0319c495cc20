"""Checkpoints: every network that can be asked, where it comes from, and a way to bring one's own."""

import streamlit as st

from app import checkpoints
from app.components import cards
from app.components.checkpoint_bring import bring
from app.components.checkpoint_cards import world_cards
from app.components.text import plain


def show() -> None:
    """The page."""
    st.title("Checkpoints", anchor=False)
    st.markdown("The networks that can be asked, grouped by what they learned to tell apart. Bring your own.")
    bring()
    catalogue = checkpoints.catalogue()
    for sentence in catalogue.refused:
        st.warning(plain(sentence), icon=":material/block:")
    for world in catalogue.worlds:
        world_cards(world)
    if not catalogue.worlds:
        cards.no_models()
