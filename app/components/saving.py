"""The small images of an overview, to take home: HTML has no button of its own that saves them."""

import base64
import io
import re
import zipfile
from collections.abc import Mapping

import streamlit as st


def save_button(images: Mapping[str, str], *, stem: str) -> None:
    """A button that saves all images of an overview; the file is made when it is pressed.

    Args:
        images: name -> data address.
        stem: of the file's name.
    """
    st.download_button(
        "Images of this overview (ZIP)", icon=":material/download:", file_name=f"{stem}.zip", mime="application/zip",
        on_click="ignore", key=f"{stem}-images", data=lambda: zipped(images),
    )  # fmt: skip


def zipped(images: Mapping[str, str]) -> bytes:
    """A ZIP file of data addresses by name, each pixel as on the page: PNG, photographs JPEG."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, source in images.items():
            kind, _, data = source.removeprefix("data:image/").partition(";base64,")
            archive.writestr(f"{name}.{kind}", base64.b64decode(data))
    return buffer.getvalue()


def file_name(*parts: str) -> str:
    """Words as a file's name without its ending: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(parts).lower()).strip("-")
