"""What one visitor's session remembers: every key, its type and its default, in one place."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from app.resources import Entry, World
from fgcore.config import ROIConfig
from fgcore.data.archives import Unpacked
from fgcore.data.synthetic import Sample

# Keys of widgets. Those marked "link" are also parameters of the page's address.
SOURCE = "picture"  # str, link: "bird", "car", "photo" or "set"
SPECIES = {"bird": "bird", "car": "car"}  # source -> str, link: the class drawn
DRAWING = "drawing"  # int, link: number of the drawing, 0 ..
UPLOAD = "upload"  # the file uploader
WORLD = "knows_{source}"  # str: what the models were trained on, one choice for each source
MODELS = "models_{world}"  # list of paths
MODELS_LINK = "models"  # str, of the address only: names of the chosen models; see `app.components.links`
SET = "set"  # str, link: title of the data set whose test pictures are shown
SET_PICTURE = "test_picture"  # int, link: which of them, 0 ..
CAMERA_ON = "use_camera"  # bool: photograph instead of uploading
CAMERA = "camera"  # the camera
CLASS = "class"  # str, link: the class in question, or FIRST_CHOICE
RIVAL = "rival"  # str, link: the class beside it, or SECOND_CHOICE
CELLS = "cells"  # bool: show the maps' cells instead of smooth maps
MARKS = "marks"  # bool: mark the telling parts of drawn pictures
MC_NETWORK = "network"  # str, link: which of several MC-Loss models its page shows
MC_PART = "part"  # str, link: which of its parts is open
MC_MASK = "mask"  # int, link: number of the channel mask drawn there, below MOST_MASKS; 0: all channels are kept
MOST_MASKS = 10_000
MC_OWN_SCALE = "mc_own_scale"  # bool: colour each channel to its own maximum
# AP-CNN's page; {model} and {look} are short names of a checkpoint, and of a checkpoint with a picture.
AP_MODEL = "apcnn"  # str, link: which of several AP-CNN models its page shows
AP_PART = "detail"  # str, link: which of its parts is open
AP_LEVEL = "level"  # int, link: the pyramid level in detail
AP_DROP = "ap_drop_{look}"  # int: position of the ROI dropped among all ROIs; None: none
AP_ZOOM = "ap_zoom_{look}"  # str: what to zoom into, "rois" or "own"
AP_CORNER = "ap_{corner}_{look}"  # int, pixels: x1, y1, x2, y2 of the visitor's own zoom box
AP_SETTING = "ap_{name}_{model}"  # int or float: one of the ROI settings to try
# The lesson.
LESSON_STEP = "step"  # int, link: 1 ..
LESSON_GUESS = "lesson_guess"  # str: which bird is the odd one
LESSON_PICTURE = "lesson_picture"  # int: another drawing of the lesson's bird
LESSON_OWNER = "lesson_owner"  # int: class whose group is shown
LESSON_MASK = "lesson_mask"  # int: training step whose mask is drawn
LESSON_STACK = "lesson_stack"  # int: channels on the stack
LESSON_TARGET = "lesson_target"  # int: the class supposed to be true
LESSON_BOARD = "lesson_board"  # the board of three blobs, a component
LESSON_TERMS = "lesson_terms"  # int: training step whose loss is added up
LESSON_LEVEL = "lesson_level"  # int: pyramid level
LESSON_GATE = "lesson_gate"  # int: pyramid level whose gates are shown
LESSON_OVERLAP = "lesson_overlap"  # float: IoU up to which two ROIs may overlap
LESSON_DROP = "lesson_drop"  # int: training step whose dropblock is drawn
LESSON_ZOOM = "lesson_zoom"  # list of int: pyramid levels whose ROIs count
LESSON_LOOK = "lesson_look"  # str: whose answer is shown
# The page that compares.
CMP_MAP = "map"  # str, link: which map of every model
CMP_AP_MAP = "ap_map"  # str, link: which of AP-CNN's own maps
CMP_FILL = "fill"  # str, link: what an occluded box is filled with
CMP_SIDES = ("left", "top", "right", "bottom")  # int, link: sides of the occluded box, per cent of the picture
CMP_PHOTO = "occlude"  # the chart to drag a box on
CMP_PICTURES = "pictures"  # str, link: which set of pictures: drawings or files
CMP_COUNT = "drawings"  # int, link: how many drawings
CMP_FILES = "compared_files"  # the uploader of several pictures
CMP_NUMBER = "agreement"  # str, link: which number of agreement the table shows
CMP_TABLE = "compared"  # the table of pictures

# The page of checkpoints.
OWN_UPLOAD = "own_checkpoint_{number}"  # the uploader of checkpoints; another number is an empty one
OWN_DATASET = "own_dataset"  # str: which data set an official file was trained on
OWN_FILE = "own_file"  # str: path of an official file in the server's folders
# The Train page; {recipe} is the preset that the settings change.
TRAIN_RUN = "run"  # str, also in the address: name of the run shown, or TRAIN_NEW
TRAIN_NEW = "new"
TRAIN_METHOD = "train_method"  # str: one of METHODS
TRAIN_RECIPE = "train_recipe_{method}"  # str: name of a preset
TRAIN_SETTING = "train_{field}_{recipe}"  # str, int, float or bool: a setting of the experiment
TRAIN_ROOT = "train_root"  # str: a folder of pictures on this machine
TRAIN_ZIP = "train_zip"  # the uploader of a zip file
TRAIN_PROBES = "train_probes"  # int: how many test pictures the filmstrip follows
TRAIN_PROBE = "train_probe_{run}"  # int: the probe shown in detail
TRAIN_FOLLOW = "train_follow"  # bool: show each epoch as it comes
# The Analyse page; {analysis} is the name of an analysis.
ANA_NAME = "analysis"  # str, link: which analysis is shown
ANA_VIEW = "look"  # str, link: which of its views, see `app.pages.analyse`
ANA_MEASURE = "measure"  # str, link: the measure that is drawn
ANA_SHOWN = "ana_shown_{analysis}"  # list of str: models that are shown
ANA_MODEL = "ana_model_{analysis}"  # str: whose mistakes
ANA_PAIRS = "ana_pairs"  # the table of confused pairs
ANA_SIDES = "ana_{side}_{analysis}"  # str: the first and the second model of a comparison
ANA_MAP = "ana_map_{analysis}"  # str: whose peak names the part that a model looks at
ANA_FILTER = "show"  # str, link: which pictures of a comparison
ANA_CLASS = "ana_class_{analysis}"  # str: only pictures of this class, or ANA_ALL
ANA_ALL = "all classes"
ANA_PICTURES = "ana_pictures"  # the table of pictures
ANA_WORLD = "ana_world"  # str: whose checkpoints a new analysis measures
ANA_MODELS = "ana_models_{world}"  # list of paths
ANA_PER_CLASS = "ana_per_class"  # int: drawn pictures per class
ANA_CURVES = "ana_curves"  # int: pictures with deletion and insertion curves
ANA_NEW = "ana_new"  # str: name of a new analysis

# Keys that no widget owns.
MASK_SEED = "mask_seed"  # int: draw of the channel mask
DROP_SEED = "drop_seed"  # int: draw of the dropblock
_SHOWN = "shown_picture"  # Picture: the last one that could be shown
_PHOTO = "photo"  # Photo: what became of the last upload
_CHOICE = "choice"  # Choice: what the sidebar says
_CMP_ASKED = "compare_asked"  # dict: what was asked for by a button, name of the button -> what it was asked of
_AP_TRIED = "ap_tried"  # Tried: the last other settings of AP-CNN that made sense
_MC_KEPT = "mc_kept"  # dict: channels kept by hand on the MC-Loss page
_LINKED = "linked_models"  # str: the address's models, last read or written
_PAGES = "pages"  # dict: path in the address -> page
_OWN_NEWS = "own_news"  # News: what became of the last checkpoint brought or deleted
_OWN_COUNT = "own_count"  # int: how many files were brought
_TRAIN_PROBLEM = "train_problem"  # str: why the last run could not be started, stopped or deleted
_TRAIN_UNPACKED = "train_unpacked"  # Brought: what became of the last zip file
_ANA_PROBLEM = "ana_problem"  # str: why the last analysis could not be started
_TRAIN_SEEN = "train_seen"  # dict: epochs shown of a run whose training is not followed

FIRST_CHOICE = "each model's first choice"
SECOND_CHOICE = "the second choice"
_DEFAULTS: dict[str, Any] = {
    MASK_SEED: 0,
    DROP_SEED: 0,
    _SHOWN: None,
    _PHOTO: None,
    _CHOICE: None,
    _LINKED: None,
    _PAGES: {},
    _OWN_NEWS: None,
    _OWN_COUNT: 0,
    _MC_KEPT: None,
    _AP_TRIED: None,
    _CMP_ASKED: {},
    _TRAIN_PROBLEM: "",
    _TRAIN_UNPACKED: None,
    _ANA_PROBLEM: "",
    _TRAIN_SEEN: {},
}


@dataclass(frozen=True)
class Picture:
    """What is being inspected."""

    pixels: np.ndarray  # (H, W, 3) uint8 RGB
    sha256: str  # of the pixels
    name: str  # a stranger's file name, cleaned but never Markdown; or what was drawn
    source: str  # "bird", "car" or "photo"
    sample: Sample | None = None  # of drawn pictures
    label: str = ""  # its true class, where it comes from a data set
    about: str = ""  # where it comes from, one sentence; "": drawn here, or a visitor's


@dataclass(frozen=True)
class Photo:
    """An upload, accepted or refused."""

    file_id: str
    picture: Picture | None
    refusal: str = ""  # one sentence


@dataclass(frozen=True)
class Choice:
    """What the sidebar says, for the pages to read."""

    picture: Picture
    world: World | None  # None: no checkpoints
    entries: tuple[Entry, ...]
    cells: bool
    marks: bool


@dataclass(frozen=True)
class Tried:
    """ROI settings and zoom box to try instead of AP-CNN's own."""

    look: str  # short name of the checkpoint with the picture
    roi: ROIConfig
    zoom_box: tuple[float, float, float, float] | None  # xyxy, pixels; None: the box around the ROIs


@dataclass(frozen=True)
class News:
    """What became of a checkpoint that was brought or deleted."""

    good: bool
    sentence: str


@dataclass(frozen=True)
class Brought:
    """A zip file of pictures, unpacked or refused."""

    file_id: str
    unpacked: Unpacked | None
    refusal: str = ""  # one sentence


def prepare() -> None:
    """Give every key that no widget owns its default."""
    for key, default in _DEFAULTS.items():
        st.session_state.setdefault(key, default)


def shown() -> Picture | None:
    """The last picture that could be shown, so that a bad file loses nothing."""
    return st.session_state[_SHOWN]


def photo() -> Photo | None:
    """What became of the last upload."""
    return st.session_state[_PHOTO]


def keep_photo(photo: Photo) -> None:
    """Remember an upload; a refused one keeps the picture of the one before."""
    previous = st.session_state[_PHOTO]
    if photo.picture is None and previous is not None:
        photo = Photo(photo.file_id, previous.picture, photo.refusal)
    st.session_state[_PHOTO] = photo


def choose(choice: Choice) -> None:
    """Remember what the sidebar says."""
    st.session_state[_SHOWN] = choice.picture
    st.session_state[_CHOICE] = choice
    st.session_state[_OWN_NEWS] = None


def choice() -> Choice:
    """What the sidebar says."""
    return st.session_state[_CHOICE]


def linked() -> str | None:
    """The models that the page's address named when it was last read or written."""
    return st.session_state[_LINKED]


def keep_link(models: str | None) -> None:
    """Remember what the page's address says of the models."""
    st.session_state[_LINKED] = models


def keep_pages(pages: Mapping[str, st.Page]) -> None:
    """Remember the app's pages by their paths, so that one page can lead to another."""
    st.session_state[_PAGES] = dict(pages)


def page(path: str) -> st.Page:
    """The page with this path."""
    return st.session_state[_PAGES][path]


def tell_news(news: News) -> None:
    """Have it told until there are other news or a picture is looked at."""
    st.session_state[_OWN_NEWS] = news


def news() -> News | None:
    """What became of the checkpoint that was brought or deleted last."""
    return st.session_state[_OWN_NEWS]


def own_upload() -> str:
    """Key of the present uploader of checkpoints."""
    return OWN_UPLOAD.format(number=st.session_state[_OWN_COUNT])


def empty_own_upload() -> None:
    """Put an empty uploader in its place, which frees the memory of the file."""
    st.session_state[_OWN_COUNT] += 1


MCGroup = tuple[str, int, int]  # key of a checkpoint, number of the drawn mask, class


def kept_by_hand(group: MCGroup) -> tuple[int, ...] | None:
    """The channels that the visitor keeps in a group; None: as the mask was drawn."""
    return (st.session_state[_MC_KEPT] or {}).get(group)


def keep_by_hand(group: MCGroup, channels: Iterable[int]) -> None:
    """Callback of clicks on channels: keep these and drop the others of the group."""
    st.session_state[_MC_KEPT] = (st.session_state[_MC_KEPT] or {}) | {group: tuple(sorted(channels))}


def keep_as_drawn(checkpoint: str, mask: int) -> None:
    """Callback: forget what was kept by hand under this mask."""
    kept = st.session_state[_MC_KEPT] or {}
    st.session_state[_MC_KEPT] = {
        group: channels for group, channels in kept.items() if group[:2] != (checkpoint, mask)
    }


def advance(key: str, limit: int = 1_000_000) -> None:
    """Callback of "another one" buttons: the next number."""
    st.session_state[key] = (int(st.session_state.get(key) or 0) + 1) % limit


def tried(look: str) -> Tried | None:
    """The last settings for this look that made sense, so that a bad value loses nothing."""
    last = st.session_state[_AP_TRIED]
    return last if last is not None and last.look == look else None


def keep_tried(settings: Tried) -> None:
    """Remember settings that made sense."""
    st.session_state[_AP_TRIED] = settings


def ask(button: str, question: Hashable) -> None:
    """Callback of buttons that start something long: answer this question from now on."""
    st.session_state[_CMP_ASKED] = st.session_state[_CMP_ASKED] | {button: question}


def asked(button: str, question: Hashable) -> bool:
    """Whether a button was pressed for just this question."""
    return st.session_state[_CMP_ASKED].get(button) == question


def tell_training(problem: str) -> None:
    """Have it told on the Train page why something could not be done; "" forgets it."""
    st.session_state[_TRAIN_PROBLEM] = problem


def training_problem() -> str:
    """Why the last run could not be started, stopped or deleted; told once."""
    told, st.session_state[_TRAIN_PROBLEM] = st.session_state[_TRAIN_PROBLEM], ""
    return told


def brought() -> Brought | None:
    """What became of the last zip file of pictures."""
    return st.session_state[_TRAIN_UNPACKED]


def keep_brought(zipped: Brought) -> None:
    """Remember it."""
    st.session_state[_TRAIN_UNPACKED] = zipped


def seen_epochs(run: str, count: int, *, follow: bool) -> int:
    """How many epochs of a run to show: all of them, or as many as when the visitor stopped following."""
    seen = st.session_state[_TRAIN_SEEN]
    shown = count if follow else min(seen.get(run, count), count)
    st.session_state[_TRAIN_SEEN] = seen | {run: shown}
    return shown


def tell_analysis(problem: str) -> None:
    """Have it told on the Analyse page why an analysis could not be started; "" forgets it."""
    st.session_state[_ANA_PROBLEM] = problem


def analysis_problem() -> str:
    """Why the last analysis could not be started; told once."""
    told, st.session_state[_ANA_PROBLEM] = st.session_state[_ANA_PROBLEM], ""
    return told
