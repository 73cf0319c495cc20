"""The sidebar: which picture, and which models look at it."""

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import checkpoints, resources, sets, state
from app.checkpoints import Catalogue, Entry, World
from app.components import links
from app.components.text import plain
from app.state.sidebar import Choice, Photo, Picture
from fgcore.data.images import MAX_BYTES, ImageError, decode_image, display_name, pixels_sha256
from fgcore.data.synthetic import class_names

_SOURCES = {"bird": "Bird", "car": "Car", "photo": "Photo", "set": "Set"}  # in links: ?picture=Photo
_OPENING = {"bird": "Ring-eyed Ash Warbler", "car": "Halden Vale Sport"}
TYPES = ["jpg", "jpeg", "png", "webp", "avif", "bmp", "gif", "tif", "tiff"]
_DRAWINGS = 10_000
_MOST_AT_ONCE = 3  # models chosen at first: one per method


def pick() -> Choice:
    """Draw the sidebar's widgets and return what they say."""
    with st.sidebar:
        st.subheader("Picture", anchor=False)
        source = st.segmented_control(
            "Picture", list(_SOURCES), format_func=_SOURCES.get, default="bird", required=True,
            key=state.sidebar.SOURCE, bind="query-params", label_visibility="collapsed", width="stretch", wrap=False,
        )  # fmt: skip
        catalogue, known = checkpoints.catalogue(), None
        if source == "set":
            picture, known = _set_picture(catalogue)
        else:
            picture = _photo() if source == "photo" else _drawing(source)
        st.subheader("Models", anchor=False)
        world, entries = _models(catalogue, picture.source, known)
        st.subheader("Display", anchor=False)
        cells = st.toggle(
            "Show the maps' cells", key=state.sidebar.CELLS, persist_state="session",
            help="Maps are small grids, such as 14 × 14. Off: interpolated between the cells. On: as they are.",
        )  # fmt: skip
        marks = picture.sample is not None and st.toggle(
            "Mark the telling parts", value=True, key=state.sidebar.MARKS, persist_state="session",
            help="Frames the parts that tell the drawn class from its nearest relative.",
        )  # fmt: skip
    return Choice(picture, world, entries, cells, marks)


def _drawing(source: str) -> Picture:
    """A picture from the gallery that the program draws."""
    names = class_names(resources.KINDS[source])
    name = st.selectbox(
        "Class", names, index=names.index(_OPENING[source]), key=state.sidebar.SPECIES[source], bind="query-params",
        persist_state="session",
    )  # fmt: skip
    left, right = st.columns(2, vertical_alignment="bottom")
    number = left.number_input(
        "Drawing", min_value=0, max_value=_DRAWINGS - 1, value=0, step=1, key=state.sidebar.DRAWING,
        bind="query-params", persist_state="session",
        help="Same number, same picture. None of them was used for training.",
    )  # fmt: skip
    right.button(
        "Another", icon=":material/refresh:", on_click=state.advance, args=(state.sidebar.DRAWING, _DRAWINGS),
        width="stretch",
    )  # fmt: skip
    name = name if name in names else _OPENING[source]
    number = min(max(int(number or 0), 0), _DRAWINGS - 1)
    sample = resources.drawing(source, names.index(name), number)
    st.image(sample.image, output_format="PNG", width="stretch", alt=f"Drawing of a {plain(name)}")
    return Picture(sample.image, pixels_sha256(sample.image), f"{name}, drawing {number}", source, sample)


def _set_picture(catalogue: Catalogue) -> tuple[Picture, World | None]:
    """A test picture of a data set that lies on this machine, and who learned from that set."""
    worlds = sets.available(catalogue)
    if not worlds:
        st.caption("No data set of these checkpoints lies here; `FG_DATA` names the folder that holds them.")
        return state.sidebar.shown() or _opening(), None
    title = st.selectbox("Data set", list(worlds), key=state.sidebar.SET, bind="query-params", persist_state="session")
    world = worlds.get(title, next(iter(worlds.values())))
    count = len(sets.pictures(world))
    left, right = st.columns(2, vertical_alignment="bottom")
    number = left.number_input(
        "Picture", min_value=0, value=0, step=1, key=state.sidebar.SET_PICTURE, bind="query-params",
        persist_state="session", help=f"One of the {count} test pictures. None of them was used for training.",
    )  # fmt: skip
    right.button(
        "Another",
        icon=":material/refresh:",
        on_click=state.advance,
        args=(state.sidebar.SET_PICTURE, count),
        width="stretch",
    )
    try:
        picture = sets.picture(world, min(max(int(number or 0), 0), count - 1))
    except resources.EXPECTED as error:
        st.error(plain(str(error)), title="This picture was not opened", icon=":material/image_not_supported:")
        return state.sidebar.shown() or _opening(), world
    st.image(picture.pixels, output_format="JPEG", width="stretch", alt=f"Test picture of a {plain(picture.label)}")
    return picture, world


def _photo() -> Picture:
    """The visitor's photograph, or what was shown before while there is none that can be used."""
    upload = _camera_or_file()
    if upload is not None and (state.sidebar.photo() is None or state.sidebar.photo().file_id != upload.file_id):
        state.sidebar.keep_photo(_decode(upload.file_id, upload.name, upload.getvalue()))
    photo = state.sidebar.photo()
    if photo is not None and photo.refusal and upload is not None:
        st.error(photo.refusal, title="This file was not opened", icon=":material/image_not_supported:")
    if photo is not None and photo.picture is not None:
        st.image(photo.picture.pixels, output_format="JPEG", width="stretch", alt="Your photograph")
        return photo.picture
    if upload is None:
        st.caption("Yours stays on this machine. Until you choose one, the last picture stays in view.")
    return state.sidebar.shown() or _opening()


def _camera_or_file() -> UploadedFile | None:
    """A file, or what the camera took; the browser asks for the camera only once the visitor does."""
    if st.toggle("Use the camera", key=state.sidebar.CAMERA_ON, help="What it takes stays on this machine."):
        return st.camera_input("Camera", key=state.sidebar.CAMERA, label_visibility="collapsed")
    return st.file_uploader(
        "Photograph", type=TYPES, key=state.sidebar.UPLOAD, max_upload_size=MAX_BYTES // 2**20,
        label_visibility="collapsed", help="It stays on this machine.",
    )  # fmt: skip


def _decode(file_id: str, name: str, data: bytes) -> Photo:
    try:
        pixels = decode_image(data, name=name)
    except ImageError as error:
        return Photo(file_id, None, str(error))
    picture = Picture(pixels, pixels_sha256(pixels), display_name(name), "photo")
    return Photo(file_id, picture)


def _opening() -> Picture:
    """What a link to "Photo" shows first."""
    names = class_names(resources.KINDS["bird"])
    sample = resources.drawing("bird", names.index(_OPENING["bird"]), 0)
    name = f"{sample.class_name}, drawing 0"
    return Picture(sample.image, pixels_sha256(sample.image), name, "bird", sample)


def _models(catalogue: Catalogue, source: str, known: World | None) -> tuple[World | None, tuple[Entry, ...]]:
    """Which world, and which of its checkpoints; those that fit the picture come first: `known`, or by its source."""
    for sentence in catalogue.refused:
        st.warning(plain(sentence), icon=":material/block:")
    if not catalogue.worlds:
        st.caption("No checkpoint found.")
        return None, ()
    source = source if known is None else f"set {known.key}"  # a choice of its own
    links.follow(catalogue, source)
    worlds = {world.key: world for world in catalogue.worlds}
    fitting = (world.key for world in catalogue.worlds if known is None and _fits(world, source))
    first = known.key if known is not None else next(fitting, next(iter(worlds)))
    key_of_world = state.sidebar.WORLD.format(source=source)
    key = st.selectbox(
        "Trained on", list(worlds), index=0 if key_of_world in st.session_state else list(worlds).index(first),
        format_func=lambda key: worlds[key].title, key=key_of_world, persist_state="session",
    )  # fmt: skip
    world = worlds.get(key, worlds[first])
    paths = {str(entry.path): entry for entry in world.entries}
    models = state.sidebar.MODELS.format(world=world.key)
    chosen = st.pills(
        "Models", list(paths), selection_mode="multi",
        default=None if models in st.session_state else _one_per_method(world), key=models,
        format_func=lambda path: plain(world.label(paths[path])), label_visibility="collapsed", persist_state="session",
    )  # fmt: skip
    entries = tuple(paths[path] for path in paths if path in chosen)
    links.tell(entries, usual=world.key == first and chosen == _one_per_method(world))
    return world, entries


def _one_per_method(world: World) -> list[str]:
    first: dict[str, str] = {}
    for entry in world.entries:
        first.setdefault(entry.method, str(entry.path))
    return list(first.values())[:_MOST_AT_ONCE]


def address(world: World, entry: Entry) -> dict[str, str]:
    """The parameters of a picture page's address that show this model, on a picture of the kind it learned.

    A drawing, or else a picture of the data set's test part; where that is not on this machine, a visitor's photograph.
    """
    source = next((source for source in ("bird", "car") if _fits(world, source)), "photo")
    if source == "photo" and sets.pictures(world) is not None:
        return address_of(world, 0, [entry])
    return {state.sidebar.SOURCE: _SOURCES[source], state.sidebar.MODELS_LINK: entry.name}


def address_of(world: World, index: int, entries: Sequence[Entry]) -> dict[str, str]:
    """The parameters of a picture page's address that show a test picture to these models."""
    names = ",".join(entry.name for entry in entries)
    place = {
        state.sidebar.SOURCE: _SOURCES["set"],
        state.sidebar.SET: world.title,
        state.sidebar.SET_PICTURE: str(index),
    }
    return place | ({state.sidebar.MODELS_LINK: names} if names else {})


def _fits(world: World, source: str) -> bool:
    """Whether pictures of this source are what the world's models were trained on."""
    drawn = world.dataset.startswith("synthetic_")
    return not drawn if source == "photo" else world.dataset == f"synthetic_{resources.KINDS[source]}"
