"""AP-CNN: one network from its first look to its second, and what it would have said had it looked elsewhere."""

import hashlib
from functools import partial

import streamlit as st

from app import resources, state
from app.checkpoints import Entry
from app.components import ap, ap_levels, ap_numbers, ap_overview, ap_what_if, ap_zoom, cards
from app.components.text import percent, plain, section
from app.state.ap_cnn import Tried
from app.state.sidebar import Choice
from fgcore.config import ROIConfig
from fgcore.outputs import LEVELS
from fgcore.records import DropEffects, Explanation

_PARTS = ("Level by level", "Zoom and drop", "Every head", "What if")


def show() -> None:
    """The page."""
    choice = state.sidebar.choice()
    st.title("AP-CNN", anchor=False)
    st.markdown("One network from its first look to its second: which regions it picks, and what it sees there.")
    entry = _entry(choice)
    if entry is None:
        return
    with st.skeleton(height=600):
        look = resources.attempt(entry, lambda: _look(choice, entry))
    if isinstance(look, str):
        cards.failure(entry, choice.world, look)
        return
    section("Two looks at one picture", _answer(choice, entry, look))
    st.caption(cards.sees(look.view))
    ap_overview.overview(look, cards.truth_in(choice.picture, look.class_names))
    index = _class(look)
    tabs = st.tabs(list(_PARTS), key=state.ap_cnn.PART, on_change="rerun", bind="query-params")
    for tab, part in zip(tabs, (_levels, _zoom, _heads, _what_if), strict=True):
        if tab.open:
            with tab:
                part(entry, look, index)
    _download(choice, entry, look)
    st.caption("Every figure has a button in its upper right corner that saves it as PNG.")


def _entry(choice: Choice) -> Entry | None:
    """The network to look into, or what to do where there is none."""
    if choice.world is None:
        cards.no_models("ap_birds")
        return None
    every = [entry for entry in choice.world.entries if entry.method == "ap"]
    offered = [entry for entry in choice.entries if entry.method == "ap"] or every
    if not every:
        st.info(
            f"No AP-CNN among the models trained on: {plain(choice.world.title)}. Choose others in the sidebar under "
            "Trained on, or train one: `python -m fgcore presets` lists the recipes, those named ap_ are AP-CNN.",
            icon=":material/arrow_back:",
        )
        return None
    if len(offered) == 1:
        return offered[0]
    labels = {choice.world.label(entry): entry for entry in offered}
    chosen = st.selectbox("Which AP-CNN", list(labels), key=state.ap_cnn.MODEL, bind="query-params")
    return labels.get(chosen, offered[0])


def _look(choice: Choice, entry: Entry, tried: Tried | None = None) -> Explanation:
    picture = choice.picture
    if tried is None:
        return resources.look_again(entry, picture.pixels, picture.sha256)
    roi = None if tried.roi == _own(entry) else tried.roi
    return resources.look_again(entry, picture.pixels, picture.sha256, roi=roi, zoom_box=tried.zoom_box)


def _effects(choice: Choice, entry: Entry) -> DropEffects:
    return resources.drop_effects(entry, choice.picture.pixels, choice.picture.sha256)


def _own(entry: Entry) -> ROIConfig:
    return entry.checkpoint.experiment.model.roi


def _names(choice: Choice, entry: Entry) -> tuple[str, str]:
    """Short names for widget keys: of the checkpoint, and of the checkpoint with the picture."""
    model = hashlib.sha256(str(entry.path).encode()).hexdigest()[:8]
    return model, model + choice.picture.sha256[:8]


def _answer(choice: Choice, entry: Entry, look: Explanation) -> str:
    best, names = look.prediction.best, look.class_names
    said = f"**{plain(choice.world.label(entry))}** says *{plain(names[best])}*"
    share = percent(float(look.prediction.probabilities[best]))
    truth = cards.truth_in(choice.picture, names)
    verdict = "" if truth is None else (", which is right" if truth == names[best] else f"; it is: {plain(truth)}")
    return (
        f"{said}, {share}{verdict}. Stage I looks at the whole picture on three levels of detail; the best regions say "
        "where to zoom, and stage II looks again."
    )


def _class(look: Explanation) -> int:
    """The class in question."""
    names = list(look.class_names)
    chosen = st.selectbox(
        "Class in question", [state.question.FIRST_CHOICE, *names], key=state.question.CLASS, bind="query-params"
    )
    return names.index(chosen) if chosen in names else look.prediction.best


def _marks(choice: Choice, look: Explanation) -> list:
    return cards.telling_frames(choice.picture, look.view) if choice.marks else []


@st.fragment
def _levels(entry: Entry, look: Explanation, index: int) -> None:
    """A level in detail; another level reruns only this."""
    choice = state.sidebar.choice()
    st.markdown(
        "Each level has its own gate, its own boxes and its own heads. Fine levels see parts, coarse ones wholes."
    )
    level = st.segmented_control(
        "Pyramid level", list(LEVELS), default=LEVELS[0], required=True, key=state.ap_cnn.LEVEL, bind="query-params"
    )
    level = level if level in LEVELS else LEVELS[0]
    key = _names(choice, entry)[0]  # the same for all levels: a figure is changed faster than made anew
    ap_levels.gates(look, level, _own(entry), _marks(choice, look), key=key, cells=choice.cells)
    ap_levels.steps(look, level, _own(entry), key=key)
    ap_levels.channels(look, level, key=key)


@st.fragment
def _zoom(entry: Entry, look: Explanation, index: int) -> None:
    """Zoom-in and dropblock; another drop reruns only this."""
    choice = state.sidebar.choice()
    model, name = _names(choice, entry)
    st.markdown(
        "**Zoom-in.** Stage II gets the box around all ROIs, cut out of the features and stretched to full size."
    )
    ap_zoom.zoom(look, key=model)
    first, second = (f"{share:.0%}".replace("%", " %") for share in _own(entry).drop_probabilities)
    st.markdown(
        f"**Dropblock.** In training one ROI of level 3 (in {first} of all steps) or of level 4 ({second}) is set to "
        "zero, so that the network learns to look elsewhere too. Here you may drop any of them."
    )
    effects = resources.attempt(entry, lambda: _effects(choice, entry))
    if isinstance(effects, str):
        cards.failure(entry, choice.world, effects)
        return
    ap_zoom.drop(look, effects, index, look=name)


def _heads(entry: Entry, look: Explanation, index: int) -> None:
    """What each head, each stage and their mean say."""
    choice = state.sidebar.choice()
    st.markdown("Eight heads vote: four per stage. The prediction is the softmax of the mean of their logits.")
    ap.opinions(look, cards.truth_in(choice.picture, look.class_names), index=index, closed=False)


@st.fragment
def _what_if(entry: Entry, look: Explanation, index: int) -> None:
    """Other settings, or an own zoom box; each change reruns only this."""
    choice = state.sidebar.choice()
    model, name = _names(choice, entry)
    st.markdown(
        "**Drag a box on the picture**, or type its corners under *My own box*, to choose where stage II looks; or "
        "change how boxes are chosen. Stage I stays as it is; stage II is computed again, nothing is trained."
    )
    board, controls = st.columns([1.15, 1], gap="large")
    with controls:
        box = ap_what_if.target(look, name)
        roi = ap_what_if.settings(_own(entry), model)
        st.button(
            "Back to the model's own", icon=":material/restart_alt:", width="stretch", key=f"ap-reset-{name}",
            on_click=ap_what_if.reset, args=(_own(entry), look), kwargs={"model": model, "look": name},
        )  # fmt: skip
    with board:
        tried, changed = ap_what_if.try_out(
            Tried(name, roi, box), lambda tried: resources.attempt(entry, lambda: _look(choice, entry, tried)), look
        )
        ap_what_if.board(look, changed, look=name)
        ap_what_if.answers(look, changed, index, cards.truth_in(choice.picture, look.class_names))
    ap_what_if.second_gates(look, changed, look=name, cells=choice.cells)
    steps = st.expander("The boxes with these settings, level by level", on_change="rerun", key=f"ap-steps-{name}")
    if steps.open:
        with steps:
            level = st.segmented_control(
                "Level", list(LEVELS), default=LEVELS[0], required=True, key=f"ap-steps-level-{model}"
            )
            ap_levels.steps(changed, level, tried.roi if tried else _own(entry), key=f"what-if-{model}")
    if tried is not None and (tried.roi, tried.zoom_box) != (_own(entry), None):
        _download(choice, entry, look, tried)


def _download(choice: Choice, entry: Entry, look: Explanation, tried: Tried | None = None) -> None:
    """The numbers as files; with those of other settings, if there are any."""
    more = " with what if" if tried else ""
    with st.container(horizontal=True):
        for kind, mime, label, build in (
            ("json", "application/json", "All numbers", _document), ("csv", "text/csv", "Probabilities", _table),
        ):  # fmt: skip
            st.download_button(
                f"{label}{more} ({kind.upper()})", icon=":material/download:", file_name=f"ap-cnn.{kind}", mime=mime,
                key=f"ap-{kind}{more}", on_click="ignore", data=partial(build, choice, entry, look, tried),
            )  # fmt: skip


def _document(choice: Choice, entry: Entry, look: Explanation, tried: Tried | None) -> str:
    changed = _look(choice, entry, tried)
    return ap_numbers.document(choice.picture, look, _own(entry), _effects(choice, entry), tried, changed)


def _table(choice: Choice, entry: Entry, look: Explanation, tried: Tried | None) -> str:
    changed = None if tried is None else _look(choice, entry, tried)
    return ap_numbers.table(look, _effects(choice, entry), changed)
