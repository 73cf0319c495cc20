"""What AP-CNN's page asks of a model: what it would say otherwise; computed once and kept."""

import streamlit as st

from app import resources
from app.checkpoints import Entry
from app.state.sidebar import Image
from fgcore.methods.ap.records import DropEffects
from fgcore.methods.ap.settings import ROIConfig
from fgcore.methods.ap.what_if import drop_effects
from fgcore.records import Corners, Explanation


def own_settings(entry: Entry) -> ROIConfig:
    """How the model chooses its regions."""
    return entry.checkpoint.experiment.model.settings.roi


@st.cache_data(max_entries=64, show_spinner=False)
def _what_if(
    checkpoint: str, sha256: str, roi: ROIConfig | None, zoom_box: Corners | None, _entry: Entry, _image: Image
) -> Explanation:
    return resources.inspection(_entry, _image).what_if(roi=roi, zoom_box=zoom_box).explanation(cam=False)


def explanation(
    entry: Entry, image: Image, roi: ROIConfig | None = None, zoom_box: Corners | None = None
) -> Explanation:
    """What the model shows, also with other settings or another zoom box; stage I is computed once per image."""
    if zoom_box is None and roi in (None, own_settings(entry)):
        return resources.explanation(entry, image)
    return _what_if(entry.checkpoint.sha256, image.sha256, roi, zoom_box, entry, image)


@st.cache_data(max_entries=32, show_spinner=False)
def _effects(checkpoint: str, sha256: str, _entry: Entry, _image: Image) -> DropEffects:
    return drop_effects(resources.inspector(_entry).loaded.model, resources.inspection(_entry, _image).output)


def effects(entry: Entry, image: Image) -> DropEffects:
    """What the model says without each of its regions in turn."""
    return _effects(entry.checkpoint.sha256, image.sha256, entry, image)
