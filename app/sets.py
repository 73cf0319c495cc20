"""The test images of the data sets that checkpoints were trained on, where those lie on this machine."""

import dataclasses
from collections.abc import Mapping

import streamlit as st

from app import resources
from app.checkpoints import Catalogue, LabelSet
from app.state.sidebar import Image
from fgcore.config import DataConfig
from fgcore.data import datasets
from fgcore.data.datasets import ImageSet
from fgcore.data.images import display_name, pixels_sha256

_KINDS = {kind: source for source, kind in resources.KINDS.items()}  # "birds" -> "bird"


def available(catalogue: Catalogue) -> dict[str, LabelSet]:
    """The label sets whose test images can be read here, by their title."""
    return {label_set.title: label_set for label_set in catalogue.label_sets if images(label_set) is not None}


def images(label_set: LabelSet) -> ImageSet | None:
    """The test images that a label set's first checkpoint was tested on; None where they are not on this machine."""
    return _test_set(label_set.entries[0].checkpoint.experiment.data, label_set.class_names)


@st.cache_resource(max_entries=16, ttl=300, show_spinner=False, hash_funcs={DataConfig: dataclasses.astuple})
def _test_set(config: DataConfig, names: tuple[str, ...]) -> ImageSet | None:
    """Looked for again every few minutes, since folders come and go. No image is opened here."""
    try:
        found = datasets.load(config, cache_images=False).test
    except resources.EXPECTED:
        return None
    return found if found.class_names == names else None  # other classes: another data set of the same layout


@st.cache_resource(max_entries=16, ttl=300, show_spinner=False, hash_funcs={DataConfig: dataclasses.astuple})
def _places(config: DataConfig, names: tuple[str, ...]) -> Mapping[str, int]:
    found = _test_set(config, names)
    return {} if found is None else {record.identifier: index for index, record in enumerate(found.records)}


def place(label_set: LabelSet, identifier: str) -> int | None:
    """Where an image stands among the label set's test images; None where it does not."""
    return _places(label_set.entries[0].checkpoint.experiment.data, label_set.class_names).get(identifier)


def image(label_set: LabelSet, index: int) -> Image:
    """One test image with its true class.

    Raises:
        ValueError, OSError: `resources.EXPECTED`; it cannot be read any more.
    """
    found = images(label_set)
    if found is None or not 0 <= index < len(found):
        raise ValueError(f"expected test image {index} of {label_set.title}, but it is not on this machine any more")
    record, sample = found.records[index], found.sample(index)
    pixels = found.image(index) if sample is None else sample.image
    label = label_set.class_names[record.target]
    name = (
        display_name(record.identifier.rpartition("/")[2]) if sample is None else f"{label}, {found.part} image {index}"
    )
    source = "photo" if sample is None else _KINDS[sample.kind]
    about = f"{found.part.capitalize()} image {index} of {found.title}."
    return Image(pixels, pixels_sha256(pixels), name, source, sample, label, about)
