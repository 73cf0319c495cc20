"""What to train: method, recipe, data and the settings that matter, as a preset with what was changed."""

import inspect
import io
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app import state
from app.checkpoints import METHOD_NAMES
from app.components.text import plain
from app.jobs import control
from fgcore import presets
from fgcore.config import TRUNKS, Experiment, override
from fgcore.data.archives import ArchiveError, unpack
from fgcore.data.images import display_name
from fgcore.trunks.backbone import weights_source

FIRST = "mc_birds_first"  # what a first-time visitor trains
_METHODS = ("mc", "ap", "baseline")
_ZIP = "zip"  # a choice of data beside the data sets: becomes an image folder
_DATA = {
    "synthetic_birds": "Drawn birds",
    "synthetic_cars": "Drawn cars",
    _ZIP: "A zip file of class folders",
    "folder": "A folder of pictures on this machine",
    "cub": "CUB-200-2011",
    "cars": "Stanford Cars",
    "aircraft": "FGVC-Aircraft",
}
_GROUPS = {
    "trunk": "the trunk's own channels, uneven",
    "conv": "a new last convolution, even",
    "scratch": "the authors' widened network, from scratch",
}


@dataclass(frozen=True)
class Request:
    """What is asked for."""

    preset: str
    settings: tuple[str, ...]  # key=value, only what differs from the preset
    experiment: Experiment
    probes: int
    title: str


def form() -> Request | None:
    """Draw the widgets and return what they say; None while a folder or file is missing."""
    method = st.segmented_control(
        "Method", _METHODS, format_func=METHOD_NAMES.get, default="mc", required=True, key=state.train.METHOD,
        persist_state="session",
    )  # fmt: skip
    names = [name for name in presets.PRESETS if presets.get(name).model.method == method]
    recipe = st.selectbox(
        "Recipe", names, format_func=_title_of, key=state.train.RECIPE.format(method=method), persist_state="session",
        help="A named set of settings. Everything below changes it.",
    )  # fmt: skip
    base = presets.get(recipe if recipe in names else names[0])
    changed: dict[str, str] = {}
    left, right = st.columns(2, gap="medium")
    with left:
        title = _data(base, changed)
    with right:
        _training(base, changed)
    with st.expander("More settings"):
        _more(base, changed)
        probes = st.slider(
            "Pictures that the filmstrip follows", 0, 8, 4, key=state.train.PROBES, persist_state="session",
            help="Test pictures, one per class, that are explained after every epoch.",
        )  # fmt: skip
    if title is None:
        return None
    settings = tuple(f"{key}={value}" for key, value in changed.items())
    return Request(base.name, settings, override(base, changed), probes, f"{METHOD_NAMES[method]} on {title}")


def _title_of(recipe: str) -> str:
    """The first sentence of a recipe's description."""
    text = inspect.getdoc(presets.PRESETS[recipe]) or recipe
    return f"{text.splitlines()[0].rstrip('.')}  ({recipe})"


def _key(field: str, base: Experiment) -> str:
    return state.train.SETTING.format(field=field, recipe=base.name)


def _set(changed: dict[str, str], base: Experiment, field: str, value: Any) -> None:  # noqa: ANN401
    """Note a setting that differs from the recipe's."""
    section, _, name = field.rpartition(".")
    old = getattr(getattr(base, section) if section else base, name)
    if value is not None and value != old:
        changed[field] = str(value).lower() if isinstance(value, bool) else str(value)


def _number(
    label: str,
    base: Experiment,
    changed: dict[str, str],
    field: str,
    low: float,
    high: float,
    **more: Any,
) -> None:
    """A number field of a setting; what it says is checked again by `fgcore.training.plan`."""
    section, _, name = field.rpartition(".")
    value = getattr(getattr(base, section) if section else base, name)
    if isinstance(value, float):
        more |= {"format": "%g", "step": more.get("step", float(value) / 10 or 0.1)}
    low, high = type(value)(low), type(value)(high)
    entered = st.number_input(
        label, low, max(high, value), min(max(value, low), max(high, value)), key=_key(name, base), **more
    )
    _set(changed, base, field, entered)


def _data(base: Experiment, changed: dict[str, str]) -> str | None:
    """Which pictures; what to call them, or None while they are missing."""
    kinds = list(_DATA)
    kind = st.selectbox(
        "Pictures", kinds, index=kinds.index(base.data.dataset), format_func=_DATA.get, key=_key("data", base)
    )
    _set(changed, base, "data.dataset", "folder" if kind == _ZIP else kind)
    title = _DATA.get(kind, kind)
    if kind == _ZIP:
        root = _zip()
        title = display_name(root.rpartition("/")[2]) if root else None
        _set(changed, base, "data.root", root)
    elif kind == "folder":
        root = st.text_input("Folder", key=state.train.ROOT, placeholder="such as ~/pictures/birds").strip()
        st.caption("It holds a folder of pictures per class, or `train/` and `test/` with such folders in them.")
        title = display_name(root.rstrip("/").rpartition("/")[2]) if root else None
        _set(changed, base, "data.root", root)
    if kind not in (_ZIP, "folder"):
        most = {"synthetic_birds": 24, "synthetic_cars": 24, "cub": 200, "cars": 196, "aircraft": 100}[kind]
        fits = kind == base.data.dataset
        value = base.data.classes if fits and base.data.classes else most
        count = st.slider("Classes", 2, most, min(value, most), key=_key(f"classes_{kind}", base))
        _set(changed, base, "data.classes", 0 if count == most else count)
    elif base.data.classes:
        changed["data.classes"] = "0"
    if kind.startswith("synthetic_"):
        _number("Drawings per class to learn from", base, changed, "data.train_per_class", 2, 1000)
    return title


def _zip() -> str:
    """The folder of an unpacked upload; "" while there is none."""
    file = st.file_uploader(
        "Zip file", type=["zip"], key=state.train.ZIP, label_visibility="collapsed",
        help="A folder of pictures per class. It stays on this machine.",
    )  # fmt: skip
    if file is not None and (state.train.brought() is None or state.train.brought().file_id != file.file_id):
        state.train.keep_brought(_unpacked(file.file_id, file.name, file.getvalue()))
    brought = state.train.brought()
    if brought is None:
        st.caption("One folder of pictures per class, or `train/` and `test/` with such folders. It stays here.")
        return ""
    if brought.unpacked is None:
        st.error(plain(brought.refusal), title="This file was not unpacked", icon=":material/folder_off:")
        return ""
    done = brought.unpacked
    st.caption(f"{done.train + done.test} pictures of {len(done.class_names)} classes unpacked.")
    if done.skipped:
        st.warning(
            f"{len(done.skipped)} cannot be read and {'was' if len(done.skipped) == 1 else 'were'} left out: "
            + plain("; ".join(done.skipped[:3])) + ("; …" if len(done.skipped) > 3 else "")
        )  # fmt: skip
    if done.ignored:
        names = ", ".join(display_name(name.rstrip("/")) for name in done.ignored[:3])
        st.caption(f"{len(done.ignored)} that are no pictures of a class were ignored: {plain(names)}.")
    return str(done.root)


def _unpacked(file_id: str, name: str, data: bytes) -> state.train.Brought:
    """Unpack an upload where runs find it."""
    stem = display_name(name.rpartition(".")[0] or name).lstrip(".") or "pictures"
    bar = st.progress(0.0, "Unpacking")
    try:
        done = unpack(
            io.BytesIO(data), control.place_for_pictures() / stem,
            on_picture=lambda done, total: bar.progress(done / total, "Unpacking") if done % 20 == 0 else None,
        )  # fmt: skip
        return state.train.Brought(file_id, done)
    except (ArchiveError, OSError) as error:
        return state.train.Brought(file_id, None, str(error))
    finally:
        bar.empty()


def _training(base: Experiment, changed: dict[str, str]) -> None:
    """Which network and for how long."""
    trunks = [trunk for trunk in TRUNKS if not (base.model.groups == "scratch" and trunk == "squeezenet1_1")]
    trunk = st.selectbox("Trunk", trunks, index=trunks.index(base.model.trunk), key=_key("trunk", base))
    _set(changed, base, "model.trunk", trunk)
    _number("Epochs", base, changed, "optim.epochs", 1, 1000)
    _number("Seed", base, changed, "seed", 0, 10**6)
    if base.model.weights:
        source = weights_source(trunk, base.model.weights)
        start = st.toggle("Start from ImageNet weights", value=True, key=_key("weights", base))
        _set(changed, base, "model.weights", base.model.weights if start else "")
        if start and source == "torchvision":
            st.caption("torchvision downloads them once, unless `FG_WEIGHTS` names a folder that has them.")


def _more(base: Experiment, changed: dict[str, str]) -> None:
    columns = st.columns(3, gap="medium")
    with columns[0]:
        _number("Input side, pixels", base, changed, "data.crop", 32, 1024, step=32)
        _number("Resize to, pixels", base, changed, "data.resize", 32, 1024, step=8)
        _number("Batch size", base, changed, "optim.batch_size", 2, 512)
    with columns[1]:
        _number("Learning rate, new layers", base, changed, "optim.lr", 0.0, 10.0)
        _number("Learning rate, trunk", base, changed, "optim.trunk_lr", 0.0, 10.0)
        _number("Weight decay", base, changed, "optim.weight_decay", 0.0, 1.0)
    with columns[2]:
        if base.model.method == "mc":
            _mc(base, changed)
        else:
            _number("Label smoothing", base, changed, "loss.label_smoothing", 0.0, 0.9, step=0.05)


def _mc(base: Experiment, changed: dict[str, str]) -> None:
    """The settings of MC-Loss."""
    groups = list(_GROUPS)
    chosen = st.selectbox(
        "Groups from", groups, index=groups.index(base.model.groups), format_func=_GROUPS.get, key=_key("groups", base)
    )
    _set(changed, base, "model.groups", chosen)
    if chosen != "trunk":
        _number("Channels per class, ξ", base, changed, "model.channels_per_class", 1, 32)
    _number("Weight of MC-Loss, μ", base, changed, "loss.mc_weight", 0.0, 100.0, step=0.05)
    _number("Weight of diversity in it, λ", base, changed, "loss.diversity_weight", 0.0, 100.0, step=0.1)
