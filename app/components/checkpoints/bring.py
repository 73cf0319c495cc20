"""Bringing a checkpoint: an upload or a file of the server, checked before it is kept."""

import logging
from pathlib import Path

import streamlit as st

from app import checkpoints, resources, state
from app.components.text import plain
from app.state.checkpoints import News
from fgcore.checkpoints import official
from fgcore.checkpoints.pickles import PICKLES
from fgcore.methods import METHODS
from fgcore.runs import store

_ENDINGS = [ending.removeprefix(".") for ending in (store.ENDING, *PICKLES)]
_DATASETS = {"cub": "CUB-200-2011", "cars": "Stanford Cars", "aircraft": "FGVC-Aircraft", official.OWN: "Own classes"}
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
            f"A `.safetensors` file written by this program, or one of the authors' of {_IMPORTED} or of their scripts "
            "(`.pth`, `.pt`, `.pth.tar`, `.ckpt`, `.bin`). It is checked before it is kept, no code in it is run, and "
            "it stays on this machine."
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
    if not name.lower().endswith(PICKLES):
        _keep(name, data)
        return
    dataset, names = _dataset()
    if st.button("Import it", icon=":material/input:", type="primary", key="own-import"):
        _keep(name, data, dataset, names)


def _on_the_server(files: tuple[Path, ...]) -> None:
    """The authors' files that were put into the server's folders by hand."""
    if not files:
        return
    names = {str(path): plain(path.name) for path in files}
    chosen = st.selectbox(
        "Or an official file of the server", list(names), format_func=names.get, key=state.checkpoints.FILE
    )
    path, (dataset, names) = Path(chosen), _dataset()
    if st.button("Import it", icon=":material/input:", key="own-import") and path in files:
        with path.open("rb") as file:
            _keep(path.name, file.read(store.MAX_BYTES + 1), dataset, names)


def _dataset() -> tuple[str, tuple[str, ...]]:
    """Which data set an official file was trained on, and the names of own classes: the file does not say."""
    chosen = st.segmented_control(
        "Trained on", list(_DATASETS), format_func=_words,
        default="cub", required=True, key=state.checkpoints.DATASET,
        help="The file does not say; in brackets, its classes.",
    )  # fmt: skip
    if chosen != official.OWN:
        return chosen if chosen in _DATASETS else "cub", ()
    text = st.text_area(
        "Names of the classes", key=state.checkpoints.NAMES, placeholder="one a line, in the order of the training",
        help="The order is that of the folders' names as the training sorted them. Empty: class 001 and so on.",
    )  # fmt: skip
    return chosen, official.read_names(text)


def _words(dataset: str) -> str:
    count = official.DATASETS.get(dataset)
    return f"{_DATASETS[dataset]} ({count})" if count else _DATASETS[dataset]


def _keep(name: str, data: bytes | memoryview, dataset: str = "", class_names: tuple[str, ...] = ()) -> None:
    """Check and keep a file, remember the sentence to tell, and draw the page again without the file."""
    with st.spinner("Checking the file …"):
        news = _news(name, data, dataset, class_names)
    state.checkpoints.tell_news(news)
    state.checkpoints.empty_own_upload()
    st.rerun()


def _news(name: str, data: bytes | memoryview, dataset: str, class_names: tuple[str, ...]) -> News:
    def known() -> list:
        return [entry.checkpoint for entry in checkpoints.catalogue().entries]

    try:
        kept = store.keep(checkpoints.uploads(), name, data, dataset=dataset, class_names=class_names, known=known)
    except resources.EXPECTED as error:
        logging.getLogger(__name__).warning("refused a checkpoint: %s", error)
        return News(False, str(error))
    short = store.short_name(kept.path)
    return News(True, f"{short} was checked and kept." if kept.new else f"This file is here already, as {short}.")
