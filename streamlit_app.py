"""FineGrain Lens in the browser: page settings, the sidebar that all pages share, navigation."""

from pathlib import Path

import streamlit as st

from app import state
from app.components import picker
from app.pages import inspect

_APP = Path(__file__).resolve().parent / "app"
_LENS, _WORDMARK = ((_APP / name).read_text(encoding="utf-8") for name in ("lens.svg", "wordmark.svg"))

st.set_page_config(page_title="FineGrain Lens", page_icon=_LENS, layout="wide")
st.html(_APP / "style.css")
st.logo(_WORDMARK, size="large", icon_image=_LENS)
state.prepare()
page = st.navigation([st.Page(inspect.show, title="Inspect", url_path="inspect", default=True)])
state.choose(picker.pick())
page.run()
