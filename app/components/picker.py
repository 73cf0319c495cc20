"""The sidebar: which picture, and which models look at it."""

import streamlit as st

from app import resources, state
from app.components.text import plain
from app.resources import Catalogue, Entry, World
from app.state import Choice, Photo, Picture
from fgcore.data.images import MAX_BYTES, ImageError, decode_image, display_name
from fgcore.data.synthetic import class_names

_SOURCES = {"bird": "Bird", "car": "Car", "photo": "Photo"}  # these words are in links: ?picture=Photo
_OPENING = {"bird": "Ring-eyed Ash Warbler", "car": "Halden Vale Sport"}
_TYPES = ["jpg", "jpeg", "png", "webp", "avif", "bmp", "gif", "tif", "tiff"]
_DRAWINGS = 10_000
_MOST_AT_ONCE = 3  # models chosen at first: one per method


def pick() -> Choice:
    """Draw the sidebar's widgets and return what they say."""
    with st.sidebar:
        st.subheader("Picture", anchor=False)
        source = st.segmented_control(
            "Picture", list(_SOURCES), format_func=_SOURCES.get, default="bird", required=True, key=state.SOURCE,
            bind="query-params", label_visibility="collapsed", width="stretch",
        )  # fmt: skip
        picture = _photo() if source == "photo" else _drawing(source)
        st.subheader("Models", anchor=False)
        world, entries = _models(resources.catalogue(), picture.source)
        st.subheader("Display", anchor=False)
        cells = st.toggle(
            "Show the maps' cells", key=state.CELLS, persist_state="session",
            help="Maps are small grids, such as 14 × 14. Off: interpolated between the cells. On: as they are.",
        )  # fmt: skip
        marks = picture.sample is not None and st.toggle(
            "Mark the telling parts", value=True, key=state.MARKS, persist_state="session",
            help="Frames the parts that tell the drawn class from its nearest relative.",
        )  # fmt: skip
    return Choice(picture, world, entries, cells, marks)


def _drawing(source: str) -> Picture:
    """A picture from the gallery that the program draws."""
    names = class_names(resources.KINDS[source])
    name = st.selectbox(
        "Class", names, index=names.index(_OPENING[source]), key=state.SPECIES[source], bind="query-params",
        persist_state="session",
    )  # fmt: skip
    left, right = st.columns(2, vertical_alignment="bottom")
    number = left.number_input(
        "Drawing", min_value=0, max_value=_DRAWINGS - 1, value=0, step=1, key=state.DRAWING, bind="query-params",
        persist_state="session", help="Same number, same picture. None of them was used for training.",
    )  # fmt: skip
    right.button(
        "Another", icon=":material/refresh:", on_click=state.advance, args=(state.DRAWING, _DRAWINGS),
        width="stretch",
    )  # fmt: skip
    name = name if name in names else _OPENING[source]
    number = min(max(int(number or 0), 0), _DRAWINGS - 1)
    sample = resources.drawing(source, names.index(name), number)
    st.image(sample.image, output_format="PNG", width="stretch", alt=f"Drawing of a {plain(name)}")
    return Picture(sample.image, resources.pixels_sha256(sample.image), f"{name}, drawing {number}", source, sample)


def _photo() -> Picture:
    """The visitor's photograph, or what was shown before while there is none that can be used."""
    upload = st.file_uploader(
        "Photograph", type=_TYPES, key=state.UPLOAD, max_upload_size=MAX_BYTES // 2**20,
        label_visibility="collapsed", help="It stays on this machine.",
    )  # fmt: skip
    if upload is not None and (state.photo() is None or state.photo().file_id != upload.file_id):
        state.keep_photo(_decode(upload.file_id, upload.name, upload.getvalue()))
    photo = state.photo()
    if photo is not None and photo.refusal and upload is not None:
        st.error(photo.refusal, title="This file was not opened", icon=":material/image_not_supported:")
    if photo is not None and photo.picture is not None:
        st.image(photo.picture.pixels, output_format="JPEG", width="stretch", alt="Your photograph")
        return photo.picture
    if upload is None:
        st.caption("Yours stays on this machine. Until you choose one, the last picture stays in view.")
    return state.shown() or _opening()


def _decode(file_id: str, name: str, data: bytes) -> Photo:
    try:
        pixels = decode_image(data, name=name)
    except ImageError as error:
        return Photo(file_id, None, str(error))
    picture = Picture(pixels, resources.pixels_sha256(pixels), display_name(name), "photo")
    return Photo(file_id, picture)


def _opening() -> Picture:
    """What a link to "Photo" shows first."""
    names = class_names(resources.KINDS["bird"])
    sample = resources.drawing("bird", names.index(_OPENING["bird"]), 0)
    name = f"{sample.class_name}, drawing 0"
    return Picture(sample.image, resources.pixels_sha256(sample.image), name, "bird", sample)


def _models(catalogue: Catalogue, source: str) -> tuple[World | None, tuple[Entry, ...]]:
    """Which world, and which of its checkpoints; those that fit the picture come first."""
    for sentence in catalogue.refused:
        st.warning(plain(sentence), icon=":material/block:")
    if not catalogue.worlds:
        st.caption("No checkpoint found.")
        return None, ()
    worlds = {world.key: world for world in catalogue.worlds}
    first = next((world.key for world in catalogue.worlds if _fits(world, source)), next(iter(worlds)))
    key = st.selectbox(
        "Trained on", list(worlds), index=list(worlds).index(first), format_func=lambda key: worlds[key].title,
        key=state.WORLD.format(source=source), persist_state="session",
    )  # fmt: skip
    world = worlds.get(key, worlds[first])
    paths = {str(entry.path): entry for entry in world.entries}
    chosen = st.pills(
        "Models", list(paths), selection_mode="multi", default=_one_per_method(world),
        key=state.MODELS.format(world=world.key),
        format_func=lambda path: plain(world.label(paths[path])), label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    return world, tuple(paths[path] for path in paths if path in chosen)


def _one_per_method(world: World) -> list[str]:
    first: dict[str, str] = {}
    for entry in world.entries:
        first.setdefault(entry.method, str(entry.path))
    return list(first.values())[:_MOST_AT_ONCE]


def _fits(world: World, source: str) -> bool:
    """Whether pictures of this source are what the world's models were trained on."""
    drawn = world.dataset.startswith("synthetic_")
    return not drawn if source == "photo" else world.dataset == f"synthetic_{resources.KINDS[source]}"
