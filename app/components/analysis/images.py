"""Images of an analysis: each with what was said of it, and a way to the inspector."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app import checkpoints, resources, sets, state
from app.components import picker
from app.components.analysis.words import entries_of, label_set_of
from app.components.text import plain
from fgcore.evaluation.store import Analysis

_COLUMNS, _NARROWEST = 4, 190  # images in a row, and the pixels that each needs


def gallery(
    analysis: Analysis, rows: pd.DataFrame, captions: Sequence[str], models: Sequence[str], *, key: str
) -> None:
    """Images side by side.

    Args:
        analysis: whose images.
        rows: with the columns index and identifier.
        captions: what to say under each, plain text.
        models: of the analysis, which the inspector shall ask.
        key: of the widgets.
    """
    catalogue = checkpoints.catalogue()
    label_set = label_set_of(analysis, catalogue)
    found = entries_of(analysis, catalogue)
    entries = [found[name] for name in models if name in found]
    if label_set is None or sets.images(label_set) is None:
        st.info(
            "These images are not on this machine, or no checkpoint here knows them: `FG_DATA` names the folder that "
            "holds the data set. The tables are whole without them.",
            icon=":material/image_not_supported:",
        )
    with st.grid(_COLUMNS, min_column_width=_NARROWEST, gap="medium"):
        for row, caption in zip(rows.itertuples(), captions, strict=True):
            with st.container(key=f"{key}-{row.index}"):
                place = None if label_set is None else sets.place(label_set, row.identifier)
                if place is None:
                    st.markdown(plain(row.identifier))
                    st.caption(plain(caption))
                else:
                    _card(label_set, place, caption, entries, key=f"{key}-open-{row.index}")


def _card(
    label_set: checkpoints.LabelSet, place: int, caption: str, entries: Sequence[checkpoints.Entry], *, key: str
) -> None:
    try:
        image = sets.image(label_set, place)
    except resources.EXPECTED as error:
        st.error(plain(str(error)), icon=":material/image_not_supported:")
        return
    st.image(image.pixels, output_format="JPEG", width="stretch", alt=f"A {plain(image.label)}")
    st.caption(plain(caption))
    if st.button("Inspect", icon=":material/search:", key=key):
        st.switch_page(state.page("inspect"), query_params=picker.address_of(label_set, place, entries))
