"""What to train: method, recipe, data and the settings that matter, as a preset with what was changed."""

import inspect
import io
from dataclasses import dataclass

import streamlit as st

from app import checkpoints, places, state
from app.checkpoints import Entry
from app.components.text import plain
from app.components.train.fields import Settings
from app.jobs import control
from app.methods import first_run, view_of
from fgcore import presets, trunks
from fgcore.config import Experiment, override
from fgcore.data.archives import ArchiveError, unpack
from fgcore.data.images import display_name
from fgcore.methods import LOSSES, METHODS

_ZIP = "zip"  # a choice of data beside the data sets: becomes an image folder
_DATA = {
    "synthetic_birds": "Drawn birds",
    "synthetic_cars": "Drawn cars",
    _ZIP: "A zip file of class folders",
    "folder": "A folder of images on this machine",
    "cub": "CUB-200-2011",
    "cars": "Stanford Cars",
    "aircraft": "FGVC-Aircraft",
}
_CLASSES = {"synthetic_birds": 24, "synthetic_cars": 24, "cub": 200, "cars": 196, "aircraft": 100}
_FREEZE = {"nothing": "nothing", "stem": "the stem, up to level 3", "trunk": "the whole trunk"}


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    preset: str
    settings: tuple[str, ...]  # key=value, only what differs from the preset
    probes: int
    title: str

    @property
    def experiment(self) -> Experiment:
        """The recipe with what was changed.

        Raises:
            ValueError: settings that do not fit each other.
        """
        return override(presets.get(self.preset), dict(text.split("=", 1) for text in self.settings))


def form() -> Request | None:
    """Draw the widgets and return what they say; None while a folder or file is missing."""
    trainable = [name for name, method in METHODS.items() if method.presets]
    offered = first_run()
    first = presets.get(offered.recipe).model.method if offered else trainable[0]
    method = st.segmented_control(
        "Method", trainable, format_func=lambda name: METHODS[name].title, default=first, required=True,
        key=state.train.METHOD, persist_state="session",
    )  # fmt: skip
    names = [name for name in presets.PRESETS if presets.get(name).model.method == method]
    recipe = st.selectbox(
        "Recipe", names, format_func=_title_of, key=state.train.RECIPE.format(method=method), persist_state="session",
        help="A named set of settings. Everything below changes it.",
    )  # fmt: skip
    fields = Settings(presets.get(recipe if recipe in names else names[0]))
    left, right = st.columns(2, gap="medium")
    with left:
        title = _data(fields)
    with right:
        _training(fields)
    with st.expander("More settings"):
        _more(fields)
        probes = st.slider(
            "Images that the filmstrip follows", 0, 8, 4, key=state.train.PROBES, persist_state="session",
            help="Test images, one per class, that are explained after every epoch.",
        )  # fmt: skip
    if title is None:
        return None
    settings = tuple(f"{key}={value}" for key, value in fields.changed.items())
    return Request(fields.base.name, settings, probes, f"{METHODS[method].title} on {title}")


def _title_of(recipe: str) -> str:
    """The first sentence of a recipe's description."""
    text = inspect.getdoc(presets.PRESETS[recipe]) or recipe
    return f"{text.splitlines()[0].rstrip('.')}  ({recipe})"


def _data(fields: Settings) -> str | None:
    """Which images; what to call them, or None while they are missing."""
    kinds, data = list(_DATA), fields.base.data
    kind = st.selectbox("Images", kinds, index=kinds.index(data.dataset), format_func=_DATA.get, key=fields.key("data"))
    fields.keep("data.dataset", "folder" if kind == _ZIP else kind)
    title = _DATA.get(kind, kind)
    if kind in (_ZIP, "folder"):
        root = _zip() if kind == _ZIP else _folder()
        title = display_name(root.rstrip("/").rpartition("/")[2]) if root else None
        fields.keep("data.root", root)
        fields.keep("data.classes", 0)
        return title
    most, known = _CLASSES[kind], kind == data.dataset and data.classes
    count = st.slider("Classes", 2, most, min(known or most, most), key=fields.key(f"classes_{kind}"))
    fields.keep("data.classes", 0 if count == most else count)
    if kind.startswith("synthetic_"):
        fields.number("Drawings per class to learn from", "data.train_per_class", least=2)
    return title


def _folder() -> str:
    root = st.text_input("Folder", key=state.train.ROOT, placeholder="such as ~/pictures/birds").strip()
    st.caption("It holds a folder of images per class, or `train/` and `test/` with such folders in them.")
    return root


def _zip() -> str:
    """The folder of an unpacked upload; "" while there is none."""
    file = st.file_uploader(
        "Zip file", type=["zip"], key=state.train.ZIP, label_visibility="collapsed",
        help="A folder of images per class. It stays on this machine.",
    )  # fmt: skip
    if file is not None and (state.train.brought() is None or state.train.brought().file_id != file.file_id):
        state.train.keep_brought(_unpacked(file.file_id, file.name, file.getvalue()))
    brought = state.train.brought()
    if brought is None:
        st.caption("One folder of images per class, or `train/` and `test/` with such folders. It stays here.")
        return ""
    if brought.unpacked is None:
        st.error(plain(brought.refusal), title="This file was not unpacked", icon=":material/folder_off:")
        return ""
    done = brought.unpacked
    st.caption(f"{done.train + done.test} images of {len(done.class_names)} classes unpacked.")
    if done.skipped:
        st.warning(
            f"{len(done.skipped)} cannot be read and {'was' if len(done.skipped) == 1 else 'were'} left out: "
            + plain("; ".join(done.skipped[:3])) + ("; …" if len(done.skipped) > 3 else "")
        )  # fmt: skip
    for note in done.notes:
        st.caption(plain(f"{note[0].upper()}{note[1:]}."))
    return str(done.root)


def _unpacked(file_id: str, name: str, data: bytes) -> state.train.Brought:
    """Unpack an upload where runs find it."""
    stem = display_name(name.rpartition(".")[0] or name).lstrip(".") or "pictures"
    bar = st.progress(0.0, "Unpacking")
    try:
        done = unpack(
            io.BytesIO(data), control.place_for_pictures() / stem,
            on_image=lambda done, total: bar.progress(done / total, "Unpacking") if done % 20 == 0 else None,
        )  # fmt: skip
        return state.train.Brought(file_id, done)
    except ArchiveError as error:
        return state.train.Brought(file_id, None, str(error))
    except OSError as error:  # its own words would show where the server keeps its files
        return state.train.Brought(file_id, None, f"it could not be written here: {error.strerror or 'try again'}")
    finally:
        bar.empty()


def _training(fields: Settings) -> None:
    """Which network and for how long."""
    model, entry = fields.base.model, _start(fields)
    if entry is not None:
        fields.keep("model.trunk", entry.checkpoint.experiment.model.trunk)
        fields.number("Epochs", "optim.epochs")
        fields.number("Seed", "seed")
        return
    offered = list(dict.fromkeys((model.trunk, *trunks.names())))
    trunk = st.selectbox(
        "Trunk", offered, key=fields.key("model.trunk"), accept_new_options=True,
        help="One of these, or timm:NAME for any architecture of timm that gives strides 8, 16 and 32.",
    )  # fmt: skip
    fields.keep("model.trunk", trunk)
    fields.number("Epochs", "optim.epochs")
    fields.number("Seed", "seed")
    if "model.weights" not in fields.changed and model.weights:
        _told(trunk or model.trunk, model.weights)


def _start(fields: Settings) -> Entry | None:
    """What the training starts from; a checkpoint where one is chosen."""
    pretrained, random = "ImageNet weights", "random weights"
    entries = {
        f"{entry.name} ({entry.title}, {len(entry.checkpoint.class_names)} classes)": entry
        for label_set in checkpoints.catalogue().label_sets
        for entry in label_set.entries
    }
    own = [pretrained, random] if fields.base.model.weights else [random]
    chosen = st.selectbox(
        "Start from", [*own, *entries], key=fields.key("start"),
        help="A checkpoint gives its trunk and whatever else fits; heads for other classes begin anew.",
    )  # fmt: skip
    entry = entries.get(chosen)
    if entry is not None:
        fields.keep("start", places.short(entry.path))
    elif chosen == random:
        fields.keep("model.weights", "")
    return entry


def _told(trunk: str, weights: str) -> None:
    """Where a trunk's weights come from and under which licence."""
    try:
        facts = trunks.facts(trunk, weights)
    except (ValueError, OSError) as error:
        st.caption(plain(str(error)))
        return
    licence = f", licence {facts.licence}" if facts.licence else ""
    st.caption(plain(f"Weights from {facts.source}{licence}."))


def _more(fields: Settings) -> None:
    columns = st.columns(3, gap="medium")
    with columns[0]:
        fields.number("Input side, pixels", "data.crop", least=32, step=32)
        fields.number("Resize to, pixels", "data.resize", least=32, step=8)
        fields.number("Batch size", "optim.batch_size", least=2)
        fields.number("Held aside of the training images", "data.holdout", step=0.05, help="To choose recipes by.")
    with columns[1]:
        fields.number("Learning rate, new layers", "optim.lr")
        fields.number("Learning rate, trunk", "optim.trunk_lr")
        fields.number("Weight decay", "optim.weight_decay")
        fields.choice("Not trained", "model.freeze", _FREEZE)
        fields.toggle("Keep the trunk's batch norms", "model.freeze_norm")
    with columns[2]:
        _loss(fields)
        fields.number("Label smoothing", "loss.label_smoothing", step=0.05)
        view_of(fields.base.model.method).form(fields.base, fields)


def _loss(fields: Settings) -> None:
    """Which loss; a choice only where the network can have several."""
    offers = METHODS[fields.base.model.method].offers
    able = [name for name, loss in LOSSES.items() if not loss.needs or loss.needs in offers]
    if len(able) < 2:
        return
    chosen = st.selectbox(
        "Loss", able, index=able.index(fields.base.loss.kind), format_func=lambda name: LOSSES[name].title,
        key=fields.key("loss.kind"),
    )  # fmt: skip
    fields.keep("loss.kind", chosen)
