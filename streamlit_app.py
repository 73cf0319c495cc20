"""FineGrain Lens in the browser: page settings, the sidebar that the image pages share, navigation."""

from pathlib import Path

import streamlit as st

from app import memory, state
from app.components import picker
from app.methods import VIEWS
from app.pages import analyse, checkpoints, compare, inspect, learn, train

_APP = Path(__file__).resolve().parent / "app"
_LENS, _WORDMARK = ((_APP / name).read_text(encoding="utf-8") for name in ("lens.svg", "wordmark.svg"))
_IMAGE_PAGES = {  # these show the sidebar's image to the sidebar's models
    "inspect": (inspect.show, "Inspect"),
    **{view.page.path: (view.page.show, view.page.title) for view in VIEWS.values() if view.page},
    "compare": (compare.show, "Compare"),
}
_OTHER_PAGES = {  # these have no image in the sidebar
    "learn": (learn.show, "Learn"),
    "train": (train.show, "Train"),
    "analyse": (analyse.show, "Analyse"),
    "checkpoints": (checkpoints.show, "Checkpoints"),
}

st.set_page_config(page_title="FineGrain Lens", page_icon=_LENS, layout="wide")
st.html(_APP / "style.css")
st.logo(_WORDMARK, size="large", icon_image=_LENS)
memory.settle()
state.prepare()
pages = {
    path: st.Page(show, title=title, url_path=path, default=path == "inspect")
    for path, (show, title) in {**_IMAGE_PAGES, **_OTHER_PAGES}.items()
}
state.keep_pages(pages)
page = st.navigation(list(pages.values()))
if page.url_path in _IMAGE_PAGES or page == pages["inspect"]:  # the default page's path is empty
    state.sidebar.choose(picker.pick())
page.run()
