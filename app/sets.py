"""The test pictures of the data sets that checkpoints were trained on, where those lie on this machine."""

import dataclasses
from collections.abc import Mapping

import streamlit as st

from app import resources
from app.checkpoints import Catalogue, World
from app.state.sidebar import Picture
from fgcore.config import DataConfig
from fgcore.data import datasets
from fgcore.data.datasets import ImageSet
from fgcore.data.images import display_name, pixels_sha256

_KINDS = {kind: source for source, kind in resources.KINDS.items()}  # "birds" -> "bird"


def available(catalogue: Catalogue) -> dict[str, World]:
    """The worlds whose test pictures can be read here, by their title."""
    return {world.title: world for world in catalogue.worlds if pictures(world) is not None}


def pictures(world: World) -> ImageSet | None:
    """The test pictures that a world's first checkpoint was tested on; None where they are not on this machine."""
    return _test_set(world.entries[0].checkpoint.experiment.data, world.class_names)


@st.cache_resource(max_entries=16, ttl=300, show_spinner=False, hash_funcs={DataConfig: dataclasses.astuple})
def _test_set(config: DataConfig, names: tuple[str, ...]) -> ImageSet | None:
    """Looked for again every few minutes, since folders come and go. No picture is opened here."""
    try:
        found = datasets.load(config, cache_images=False).test
    except resources.EXPECTED:
        return None
    return found if found.class_names == names else None  # other classes: another data set of the same layout


@st.cache_resource(max_entries=16, ttl=300, show_spinner=False, hash_funcs={DataConfig: dataclasses.astuple})
def _places(config: DataConfig, names: tuple[str, ...]) -> Mapping[str, int]:
    found = _test_set(config, names)
    return {} if found is None else {record.identifier: index for index, record in enumerate(found.records)}


def place(world: World, identifier: str) -> int | None:
    """Where a picture stands among the world's test pictures; None where it does not."""
    return _places(world.entries[0].checkpoint.experiment.data, world.class_names).get(identifier)


def picture(world: World, index: int) -> Picture:
    """One test picture with its true class.

    Raises:
        ValueError, OSError: `resources.EXPECTED`; it cannot be read any more.
    """
    images = pictures(world)
    if images is None or not 0 <= index < len(images):
        raise ValueError(f"expected test picture {index} of {world.title}, but it is not on this machine any more")
    record, sample = images.records[index], images.sample(index)
    pixels = images.picture(index) if sample is None else sample.image
    label = world.class_names[record.target]
    name = display_name(record.identifier.rpartition("/")[2]) if sample is None else f"{label}, test picture {index}"
    source = "photo" if sample is None else _KINDS[sample.kind]
    about = f"Test picture {index} of {images.title}."
    return Picture(pixels, pixels_sha256(pixels), name, source, sample, label, about)
