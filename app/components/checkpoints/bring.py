"""Bringing a checkpoint: an upload or a file of the server, checked before it is kept."""

import logging
from pathlib import Path

import streamlit as st

from app import checkpoints, resources, state
from app.components.text import plain
from app.state.checkpoints import News
from fgcore.checkpoints import official
from fgcore.methods import METHODS
from fgcore.runs import store

_ENDINGS = [ending.removeprefix(".") for ending in (store.ENDING, *store.OFFICIAL_ENDINGS)]
_DATASETS = {"cub": "CUB-200-2011", "cars": "Stanford Cars", "aircraft": "FGVC-Aircraft"}
_IMPORTED = " or ".join(method.title for method in METHODS.values() if method.importers)


def bring() -> None:
    """The uploader, the authors' files in the server's folders, and what became of the last file."""
    news = state.checkpoints.news()
    with st.container():  # always there, so that what follows keeps its place
        if news is not None:
            show = st.success if news.good else st.error
            show(plain(news.sentence), icon=":material/check:" if news.good else ":material/block:")
    with st.container(border=True):
        st.subheader("Bring a checkpoint", anchor=False)
        st.markdown(
            f"A `.safetensors` file written by this program, or a file of the authors of {_IMPORTED} (`.pth`). It is "
            "checked before it is kept, no code in it is run, and it stays on this machine."
        )
        upload = st.file_uploader(
            "Checkpoint", type=_ENDINGS, key=state.checkpoints.own_upload(), max_upload_size=store.MAX_BYTES >> 20,
            label_visibility="collapsed",
        )  # fmt: skip
        if upload is not None:
            _uploaded(upload.name, upload.getbuffer())
        else:
            _on_the_server(checkpoints.official_files())
        st.caption("A file that is on the server already is listed here once it lies in the folder `checkpoints/`.")


def _uploaded(name: str, data: memoryview) -> None:
    if not name.lower().endswith(store.OFFICIAL_ENDINGS):
        _keep(name, data)
        return
    dataset = _dataset()
    if st.button("Import it", icon=":material/input:", type="primary", key="own-import"):
        _keep(name, data, dataset)


def _on_the_server(files: tuple[Path, ...]) -> None:
    """The authors' files that were put into the server's folders by hand."""
    if not files:
        return
    names = {str(path): plain(path.name) for path in files}
    chosen = st.selectbox(
        "Or an official file of the server", list(names), format_func=names.get, key=state.checkpoints.FILE
    )
    path, dataset = Path(chosen), _dataset()
    if st.button("Import it", icon=":material/input:", key="own-import") and path in files:
        with path.open("rb") as file:
            _keep(path.name, file.read(store.MAX_BYTES + 1), dataset)


def _dataset() -> str:
    """Which data set an official file was trained on: the file does not say."""
    chosen = st.segmented_control(
        "Trained on", list(_DATASETS), format_func=lambda name: f"{_DATASETS[name]} ({official.DATASETS[name]})",
        default="cub", required=True, key=state.checkpoints.DATASET,
        help="The file does not say; in brackets, its classes.",
    )  # fmt: skip
    return chosen if chosen in _DATASETS else "cub"


def _keep(name: str, data: bytes | memoryview, dataset: str = "") -> None:
    """Check and keep a file, remember the sentence to tell, and draw the page again without the file."""
    with st.spinner("Checking the file …"):
        news = _news(name, data, dataset)
    state.checkpoints.tell_news(news)
    state.checkpoints.empty_own_upload()
    st.rerun()


def _news(name: str, data: bytes | memoryview, dataset: str) -> News:
    def known() -> list:
        return [entry.checkpoint for entry in checkpoints.catalogue().entries]

    try:
        kept = store.keep(checkpoints.uploads(), name, data, dataset=dataset, known=known)
    except resources.EXPECTED as error:
        logging.getLogger(__name__).warning("refused a checkpoint: %s", error)
        return News(False, str(error))
    short = store.short_name(kept.path)
    return News(True, f"{short} was checked and kept." if kept.new else f"This file is here already, as {short}.")
