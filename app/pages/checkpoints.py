"""Checkpoints: every network that can be asked, where it comes from, and a way to bring one's own."""

import streamlit as st

from app import checkpoints
from app.components import cards
from app.components.checkpoints.bring import bring
from app.components.checkpoints.cards import label_set_cards
from app.components.text import plain


def show() -> None:
    """The page."""
    st.title("Checkpoints", anchor=False)
    st.markdown("The networks that can be asked, grouped by what they learned to tell apart. Bring your own.")
    bring()
    catalogue = checkpoints.catalogue()
    for sentence in catalogue.refused:
        st.warning(plain(sentence), icon=":material/block:")
    for label_set in catalogue.label_sets:
        label_set_cards(label_set)
    if not catalogue.label_sets:
        cards.no_models()
