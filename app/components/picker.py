"""The sidebar: which image, and which models look at it."""

from collections.abc import Sequence

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app import checkpoints, resources, sets, state
from app.checkpoints import Catalogue, Entry, LabelSet
from app.components import links
from app.components.text import plain
from app.state.sidebar import Choice, Image, Photo
from fgcore.data.images import ENDINGS, MAX_BYTES, ImageError, decode_image, display_name, pixels_sha256
from fgcore.data.synthetic import class_names

_SOURCES = {"bird": "Bird", "car": "Car", "photo": "Photo", "set": "Set"}  # in links: ?picture=Photo
_OPENING = {"bird": "Ring-eyed Ash Warbler", "car": "Halden Vale Sport"}
TYPES = sorted(ending.removeprefix(".") for ending in ENDINGS)
_DRAWINGS = 10_000
_MOST_AT_ONCE = 3  # models chosen at first: one per method


def pick() -> Choice:
    """Draw the sidebar's widgets and return what they say."""
    with st.sidebar:
        st.subheader("Image", anchor=False)
        source = st.segmented_control(
            "Image", list(_SOURCES), format_func=_SOURCES.get, default="bird", required=True,
            key=state.sidebar.SOURCE, bind="query-params", label_visibility="collapsed", width="stretch", wrap=False,
        )  # fmt: skip
        catalogue, known = checkpoints.catalogue(), None
        if source == "set":
            image, known = _set_image(catalogue)
        else:
            image = _photo() if source == "photo" else _drawing(source)
        st.subheader("Models", anchor=False)
        label_set, entries = _models(catalogue, image.source, known)
        st.subheader("Display", anchor=False)
        cells = st.toggle(
            "Show the maps' cells", key=state.sidebar.CELLS, persist_state="session",
            help="Maps are small grids, such as 14 × 14. Off: interpolated between the cells. On: as they are.",
        )  # fmt: skip
        marks = image.sample is not None and st.toggle(
            "Mark the discriminative parts", value=True, key=state.sidebar.MARKS, persist_state="session",
            help="Frames the parts that tell the drawn class from its nearest relative.",
        )  # fmt: skip
    return Choice(image, label_set, entries, cells, marks)


def _drawing(source: str) -> Image:
    """An image from the gallery that the program draws."""
    names = class_names(resources.KINDS[source])
    name = st.selectbox(
        "Class", names, index=names.index(_OPENING[source]), key=state.sidebar.SPECIES[source], bind="query-params",
        persist_state="session",
    )  # fmt: skip
    left, right = st.columns(2, vertical_alignment="bottom")
    number = left.number_input(
        "Drawing", min_value=0, max_value=_DRAWINGS - 1, value=0, step=1, key=state.sidebar.DRAWING,
        bind="query-params", persist_state="session",
        help="Same number, same image. None of them was used for training.",
    )  # fmt: skip
    right.button(
        "Another", icon=":material/refresh:", on_click=state.advance, args=(state.sidebar.DRAWING, _DRAWINGS),
        width="stretch",
    )  # fmt: skip
    name = name if name in names else _OPENING[source]
    number = min(max(int(number or 0), 0), _DRAWINGS - 1)
    sample = resources.drawing(source, names.index(name), number)
    st.image(sample.image, output_format="PNG", width="stretch", alt=f"Drawing of a {plain(name)}")
    return Image(sample.image, pixels_sha256(sample.image), f"{name}, drawing {number}", source, sample)


def _set_image(catalogue: Catalogue) -> tuple[Image, LabelSet | None]:
    """A test image of a data set that lies on this machine, and who learned from that set."""
    here = sets.available(catalogue)
    if not here:
        st.caption("No data set of these checkpoints lies here; `FG_DATA` names the folder that holds them.")
        return state.sidebar.shown() or _opening(), None
    title = st.selectbox("Data set", list(here), key=state.sidebar.SET, bind="query-params", persist_state="session")
    label_set = here.get(title, next(iter(here.values())))
    count = len(sets.images(label_set))
    left, right = st.columns(2, vertical_alignment="bottom")
    number = left.number_input(
        "Image", min_value=0, value=0, step=1, key=state.sidebar.SET_PICTURE, bind="query-params",
        persist_state="session", help=f"One of the {count} test images. None of them was used for training.",
    )  # fmt: skip
    right.button(
        "Another",
        icon=":material/refresh:",
        on_click=state.advance,
        args=(state.sidebar.SET_PICTURE, count),
        width="stretch",
    )
    try:
        image = sets.image(label_set, min(max(int(number or 0), 0), count - 1))
    except resources.EXPECTED as error:
        st.error(plain(str(error)), title="This image was not opened", icon=":material/image_not_supported:")
        return state.sidebar.shown() or _opening(), label_set
    st.image(image.pixels, output_format="JPEG", width="stretch", alt=f"Test image of a {plain(image.label)}")
    return image, label_set


def _photo() -> Image:
    """The visitor's photograph, or what was shown before while there is none that can be used."""
    upload = _camera_or_file()
    if upload is not None and (state.sidebar.photo() is None or state.sidebar.photo().file_id != upload.file_id):
        state.sidebar.keep_photo(_decode(upload.file_id, upload.name, upload.getvalue()))
    photo = state.sidebar.photo()
    if photo is not None and photo.refusal and upload is not None:
        st.error(photo.refusal, title="This file was not opened", icon=":material/image_not_supported:")
    if photo is not None and photo.image is not None:
        st.image(photo.image.pixels, output_format="JPEG", width="stretch", alt="Your photograph")
        return photo.image
    if upload is None:
        st.caption("Yours stays on this machine. Until you choose one, the last image stays in view.")
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
    image = Image(pixels, pixels_sha256(pixels), display_name(name), "photo")
    return Photo(file_id, image)


def _opening() -> Image:
    """What a link to "Photo" shows first."""
    names = class_names(resources.KINDS["bird"])
    sample = resources.drawing("bird", names.index(_OPENING["bird"]), 0)
    name = f"{sample.class_name}, drawing 0"
    return Image(sample.image, pixels_sha256(sample.image), name, "bird", sample)


def _models(catalogue: Catalogue, source: str, known: LabelSet | None) -> tuple[LabelSet | None, tuple[Entry, ...]]:
    """Which label set, and which of its checkpoints; those that fit the image come first: `known`, or by its source."""
    for sentence in catalogue.refused:
        st.warning(plain(sentence), icon=":material/block:")
    if not catalogue.label_sets:
        st.caption("No checkpoint found.")
        return None, ()
    source = source if known is None else f"set {known.key}"  # a choice of its own
    links.follow(catalogue, source)
    known_sets = {each.key: each for each in catalogue.label_sets}
    fitting = (label_set.key for label_set in catalogue.label_sets if known is None and _fits(label_set, source))
    first = known.key if known is not None else next(fitting, next(iter(known_sets)))
    chosen_set = state.sidebar.LABEL_SET.format(source=source)
    key = st.selectbox(
        "Trained on", list(known_sets), index=0 if chosen_set in st.session_state else list(known_sets).index(first),
        format_func=lambda key: known_sets[key].title, key=chosen_set, persist_state="session",
    )  # fmt: skip
    label_set = known_sets.get(key, known_sets[first])
    paths = {str(entry.path): entry for entry in label_set.entries}
    models = state.sidebar.MODELS.format(label_set=label_set.key)
    chosen = st.pills(
        "Models", list(paths), selection_mode="multi",
        default=None if models in st.session_state else _one_per_method(label_set), key=models,
        format_func=lambda path: plain(label_set.label(paths[path])), label_visibility="collapsed",
        persist_state="session",
    )  # fmt: skip
    entries = tuple(paths[path] for path in paths if path in chosen)
    links.tell(entries, usual=label_set.key == first and chosen == _one_per_method(label_set))
    return label_set, entries


def _one_per_method(label_set: LabelSet) -> list[str]:
    first: dict[str, str] = {}
    for entry in label_set.entries:
        first.setdefault(entry.method, str(entry.path))
    return list(first.values())[:_MOST_AT_ONCE]


def address(label_set: LabelSet, entry: Entry) -> dict[str, str]:
    """The parameters of an image page's address that show this model, on an image of the kind it learned.

    A drawing, or else an image of the data set's test part; where that is not on this machine, a visitor's photograph.
    """
    source = next((source for source in ("bird", "car") if _fits(label_set, source)), "photo")
    if source == "photo" and sets.images(label_set) is not None:
        return address_of(label_set, 0, [entry])
    return {state.sidebar.SOURCE: _SOURCES[source], state.sidebar.MODELS_LINK: entry.name}


def address_of(label_set: LabelSet, index: int, entries: Sequence[Entry]) -> dict[str, str]:
    """The parameters of an image page's address that show a test image to these models."""
    names = ",".join(entry.name for entry in entries)
    place = {
        state.sidebar.SOURCE: _SOURCES["set"],
        state.sidebar.SET: label_set.title,
        state.sidebar.SET_PICTURE: str(index),
    }
    return place | ({state.sidebar.MODELS_LINK: names} if names else {})


def _fits(label_set: LabelSet, source: str) -> bool:
    """Whether images of this source are what the label set's models were trained on."""
    drawn = label_set.dataset.startswith("synthetic_")
    return not drawn if source == "photo" else label_set.dataset == f"synthetic_{resources.KINDS[source]}"
