"""Cover a part of the image by dragging a box, and see what every model says without it."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st

from app import resources, state
from app.charts import style
from app.charts.evidence import drag_panel
from app.charts.panels import Outline, Panel
from app.components import cards
from app.components.compare.answers import Answer
from app.components.text import percent, plain, table
from app.state.sidebar import Choice
from fgcore.data.images import pixels_sha256
from fgcore.inspection.occlusion import Change, box_in_photo, changes, occlude
from fgcore.records import View

_FILLS = {"blur": "blur", "mean colour": "mean"}  # these words are in links -> what `occlude` calls them
_TOLD = {"blur": "the covered part is blurred", "mean": "the covered part has the image's mean colour"}
_NAMES = ("Left", "Top", "Right", "Bottom")
Percents = tuple[int, int, int, int]


@dataclass(frozen=True)
class Covered:
    """An image without a part of it, and what the models then say."""

    box: Percents  # left, top, right, bottom in per cent of what the first model sees
    fill: str
    view: View  # of the first model
    changes: tuple[tuple[Change, ...], ...]  # one for each model


def occlusion(choice: Choice, answers: Sequence[Answer]) -> None:
    """The image to drag on, the controls, and a table for each model."""
    view = answers[0].view
    height, width = view.pixels.shape[:2]
    left, right = st.columns([1.15, 1], gap="large")
    image = left.container()
    with left:
        _controls(choice, view)
    done = covered(choice, answers)
    item = Panel("Drag a box over what to cover", view.pixels)
    if done is not None:
        x1, y1, x2, y2 = (side / 100 for side in done.box)
        frame = Outline((x1 * width, y1 * height, x2 * width, y2 * height), "#ffffff", width=1.5, dotted=True)
        item = Panel("As the networks see it now; drag another box", done.view.pixels, outlines=[frame])
    image.plotly_chart(
        drag_panel(item), config=style.CONFIG, key=state.compare.PHOTO, on_select=partial(_take_box, width, height),
        selection_mode="box", alt="The image to drag a box on; the numbers beside it set the same box",
    )  # fmt: skip
    if done is None:
        right.info("Nothing is covered yet.", icon=":material/crop_free:")
        return
    with right:
        for each, found in zip(answers, done.changes, strict=True):
            _table(each, choice, found)
        st.caption(
            f"Probabilities before and after, each model's first three; {_TOLD[done.fill]}. "
            "A class that loses had its evidence there; one that gains was held back by it."
        )
        st.download_button(
            "Before and after (JSON)", icon=":material/download:", file_name="finegrain-lens-covered.json",
            mime="application/json", on_click="ignore", data=partial(_document, choice, answers, done),
        )  # fmt: skip


def covered(choice: Choice, answers: Sequence[Answer]) -> Covered | None:
    """What the page's box does to the models' answers; None where it covers nothing."""
    box = tuple(min(100, max(0, int(st.session_state.get(key) or 0))) for key in state.compare.SIDES)
    if not (box[0] < box[2] and box[1] < box[3]):
        return None
    fill = _FILLS.get(st.session_state.get(state.compare.FILL), "blur")
    corners = box_in_photo(tuple(side / 100 for side in box), answers[0].view)
    pixels = occlude(choice.image.pixels, corners, fill)
    image = dataclasses.replace(choice.image, pixels=pixels, sha256=pixels_sha256(pixels))
    after = [resources.prediction(each.entry, image) for each in answers]
    found = tuple(changes(each.prediction, said) for each, (_, said) in zip(answers, after, strict=True))
    return Covered(box, fill, after[0][0], found)


def _controls(choice: Choice, view: View) -> None:
    """The box in per cent of what the networks see, and what fills it."""
    places = [column for _ in range(2) for column in st.columns(2, gap="small", wrap=False)]
    for place, key, name in zip(places, state.compare.SIDES, _NAMES, strict=True):
        place.number_input(
            f"{name}, %", min_value=0, max_value=100, value=0, step=1, key=key, bind="query-params",
        )  # fmt: skip
    st.segmented_control(
        "Filled with", list(_FILLS), default="blur", required=True, key=state.compare.FILL,
        bind="query-params",
    )  # fmt: skip
    frames = [_percents(frame.box, view) for frame in cards.discriminative_frames(choice.image, view)]
    with st.container(horizontal=True):
        for number, frame in enumerate(frames):
            part = choice.image.sample.discriminative_parts[number].replace("_", " ")
            st.button(f"Cover the {part}", icon=":material/visibility_off:", key=f"cover-{number}",
                      on_click=_set_box, args=(frame,))  # fmt: skip
        st.button("Uncover", icon=":material/visibility:", key="uncover", on_click=_set_box, args=((0, 0, 0, 0),))


def _percents(box: tuple[float, float, float, float], view: View) -> Percents:
    """A box in pixels of the network input, in whole per cent that hold all of it."""
    height, width = view.pixels.shape[:2]
    low = [int(100 * side / whole) for side, whole in zip(box[:2], (width, height), strict=True)]
    high = [int(-(-100 * side // whole)) for side, whole in zip(box[2:], (width, height), strict=True)]
    return tuple(min(100, max(0, side)) for side in (*low, *high))


def _set_box(box: Percents) -> None:
    for key, side in zip(state.compare.SIDES, box, strict=True):
        st.session_state[key] = side


def _take_box(width: int, height: int) -> None:
    """Callback of the chart: the dragged box becomes the numbers, which everything else reads."""
    boxes = st.session_state[state.compare.PHOTO]["selection"]["box"]
    if not boxes:  # the figure changed and let go of its selection
        return
    x, y = sorted(boxes[-1]["x"]), sorted(boxes[-1]["y"])
    corners = x[0] + 0.5, y[0] + 0.5, x[1] + 0.5, y[1] + 0.5  # plotly centres pixel 0 at 0
    wholes = width, height, width, height
    box = tuple(min(100, max(0, round(100 * side / whole))) for side, whole in zip(corners, wholes, strict=True))
    if box[0] < box[2] and box[1] < box[3]:
        _set_box(box)


def _table(each: Answer, choice: Choice, found: Sequence[Change]) -> None:
    names = choice.label_set.class_names
    rows = [
        [names[change.class_index], percent(change.before), percent(change.after), _points(change)] for change in found
    ]
    st.markdown(f"**{plain(choice.label_set.label(each.entry))}**")
    st.html(table(["Class", "before", "after", "points"], rows))


def _points(change: Change) -> str:
    points = 100 * (change.after - change.before)
    return "0" if abs(points) < 0.5 else f"{points:+.0f}".replace("-", "−")


def _document(choice: Choice, answers: Sequence[Answer], done: Covered) -> str:
    names = choice.label_set.class_names
    models = [
        {
            "model": choice.label_set.label(each.entry), "sha256": each.entry.checkpoint.sha256,
            "classes": [
                {"class": names[change.class_index], "before": round(change.before, 6), "after": round(change.after, 6)}
                for change in found
            ],
        }
        for each, found in zip(answers, done.changes, strict=True)
    ]  # fmt: skip
    values = {
        "image": {"name": choice.image.name, "sha256_of_pixels": choice.image.sha256},
        "covered": {"per_cent": dict(zip(state.compare.SIDES, done.box, strict=True)), "fill": done.fill},
        "models": models,
    }
    return json.dumps(values, allow_nan=False, indent=1)
