"""The same comparison on many images: a table to look through, its mean, and a way back to each image."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
import pandas as pd
import streamlit as st

from app import resources, state
from app.checkpoints import Entry
from app.components.compare.answers import Wish, fresh_answer, on_common_grid, pairs
from app.components.compare.maps import NUMBERS, as_numbers
from app.components.picker import TYPES
from app.components.text import percent, plain, table
from app.state.sidebar import Choice, Image, Photo
from fgcore.data.images import MAX_BYTES, ImageError, decode_image, display_name, pixels_sha256
from fgcore.data.synthetic import class_names
from fgcore.inspection.agreement import Agreement, agreement
from fgcore.report.render import png

_DRAWINGS, _FILES = "Drawings of the class", "My files"  # these words are in links
_MOST = 24  # images at once
_SIDE = 1024  # pixels, longest side of an uploaded image here
_THUMBNAIL = 72  # pixels
_ROW, _HEAD, _IN_SIGHT = 56, 38, 10  # pixels of a row and of the head, rows seen without scrolling
_BUTTON = "many"


@dataclass(frozen=True)
class Item:
    """One of the images, not yet drawn or decoded."""

    name: str
    key: str  # changes with its content
    load: Callable[[], Image]  # ImageError: it cannot be used


@dataclass(frozen=True)
class Row:
    """Some models on one of the images: little enough to be kept for many."""

    thumbnail: str  # a data address
    drawn: str | None  # the class that was drawn
    best: tuple[tuple[int, float], ...]  # first choice and its probability, of each model
    agreements: tuple[Agreement, ...]  # of each pair


Result = tuple[Item, Row]


def many(choice: Choice, wish: Wish) -> None:
    """Which images, a button, and the table."""
    items = _items(choice)
    if not items:
        return
    entries = choice.entries
    question = (wish, tuple(item.key for item in items), tuple(entry.checkpoint.sha256 for entry in entries))
    if not state.compare.asked(_BUTTON, question):
        st.button(
            f"Compare on {len(items)} images", icon=":material/grid_view:", key=_BUTTON,
            on_click=state.compare.ask, args=(_BUTTON, question),
        )  # fmt: skip
        return
    results = _results(choice, wish, items)
    if results:
        _means(choice, results)
        _table(choice, results)


def _items(choice: Choice) -> list[Item]:
    if choice.image.sample is not None:
        chosen = st.segmented_control(
            "Images", [_DRAWINGS, _FILES], default=_DRAWINGS, required=True, key=state.compare.PICTURES,
            bind="query-params", label_visibility="collapsed",
        )  # fmt: skip
        if chosen != _FILES:
            return _drawings(choice.image)
    uploads = st.file_uploader(
        "Images", type=TYPES, key=state.compare.FILES, accept_multiple_files=True,
        max_upload_size=MAX_BYTES // 2**20, label_visibility="collapsed",
        help=f"They stay on this machine; at most {_MOST} are compared.",
    )  # fmt: skip
    if len(uploads) > _MOST:
        st.warning(f"Only the first {_MOST} of these {len(uploads)} images are compared.")
    return [_file_item(upload.name, upload.file_id, upload.getvalue()) for upload in uploads[:_MOST]]


def _drawings(image: Image) -> list[Item]:
    count = st.slider("How many", 2, _MOST, 8, key=state.compare.COUNT, bind="query-params")
    index = class_names(image.sample.kind).index(image.sample.class_name)
    return _drawings_of(image.source, index, min(_MOST, max(2, int(count))))


def _drawings_of(source: str, index: int, count: int) -> list[Item]:
    name = class_names(resources.KINDS[source])[index]
    return [
        Item(f"{name}, drawing {number}", f"{source} {index} {number}", partial(_draw, source, index, number))
        for number in range(count)
    ]


def _draw(source: str, index: int, number: int) -> Image:
    sample = resources.drawing(source, index, number)
    name = f"{sample.class_name}, drawing {number}"
    return Image(sample.image, pixels_sha256(sample.image), name, source, sample)


def _file_item(name: str, file_id: str, data: bytes) -> Item:
    key = hashlib.sha256(data).hexdigest()
    return Item(display_name(name), f"{file_id} {key}", partial(_decode, name, data))


def _decode(name: str, data: bytes) -> Image:
    pixels = decode_image(data, name=name, max_side=_SIDE)
    return Image(pixels, pixels_sha256(pixels), display_name(name), "photo")


def _results(choice: Choice, wish: Wish, items: Sequence[Item]) -> list[Result]:
    """A row for each image that can be used, a sentence for each other one."""
    results, bar = [], st.progress(0.0, "Comparing …")
    checkpoints = tuple(entry.checkpoint.sha256 for entry in choice.entries)
    for number, item in enumerate(items, start=1):
        try:
            results.append((item, _row(checkpoints, wish, item.key, choice.entries, item.load)))
        except ImageError as error:
            st.error(str(error), icon=":material/image_not_supported:")
        except resources.EXPECTED as error:
            st.error(plain(str(error)), icon=":material/block:")
        bar.progress(number / len(items), "Comparing …")
    bar.empty()
    return results


@st.cache_data(max_entries=512, show_spinner=False)
def _row(
    checkpoints: tuple[str, ...], wish: Wish, key: str, _entries: Sequence[Entry], _load: Callable[[], Image]
) -> Row:
    image = _load()
    answers = [fresh_answer(entry, wish, image.pixels) for entry in _entries]
    grids = on_common_grid(answers)
    return Row(
        thumbnail=_thumbnail(image.pixels),
        drawn=None if image.sample is None else image.sample.class_name,
        best=tuple(each.prediction.top(1)[0] for each in answers),
        agreements=tuple(agreement(grids[first], grids[second]) for first, second in pairs(len(answers))),
    )


def _thumbnail(pixels: np.ndarray) -> str:
    scale = _THUMBNAIL / max(pixels.shape[:2])
    size = max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return "data:image/png;base64," + base64.b64encode(png(small)).decode()


def _pair_names(choice: Choice) -> list[str]:
    names = [choice.label_set.label(entry) for entry in choice.entries]
    return [f"{names[first]} and {names[second]}" for first, second in pairs(len(names))]


def _means(choice: Choice, results: Sequence[Result]) -> None:
    """Mean agreement of each pair, and how often each model named what was drawn."""
    rows = []
    for number, name in enumerate(_pair_names(choice)):
        columns = [[getattr(row.agreements[number], field) for _, row in results] for field in NUMBERS]
        rows.append([name, *(_mean(values) for values in columns)])
    st.markdown(f"**Mean over {len(results)} images**")
    st.html(table(["", *(name for name, _, _ in NUMBERS.values())], rows))
    names, told = choice.label_set.class_names, []
    known = [row for _, row in results if row.drawn in names]
    if not known:
        return
    for number, entry in enumerate(choice.entries):
        right = sum(names[row.best[number][0]] == row.drawn for row in known)
        told.append(f"{plain(choice.label_set.label(entry))} {right} of {len(known)}")
    st.markdown("Named rightly: " + ", ".join(told) + ".")


def _mean(values: Sequence[float]) -> str:
    values = np.array(values)
    exists = ~np.isnan(values)
    if not exists.any():
        return "–"
    words = f"{values[exists].mean():.2f}".replace("-", "−")
    return words if exists.all() else f"{words} (of {int(exists.sum())})"


def _table(choice: Choice, results: Sequence[Result]) -> None:
    """One line an image; choosing one opens it."""
    chosen = st.segmented_control(
        "Agreement in the table", list(NUMBERS), format_func=lambda field: NUMBERS[field][0], default="spearman",
        required=True, key=state.compare.NUMBER, bind="query-params",
    )  # fmt: skip
    field = chosen if chosen in NUMBERS else "spearman"
    names, columns = choice.label_set.class_names, {"": [row.thumbnail for _, row in results]}
    columns["Image"] = [item.name for item, _ in results]
    for number, entry in enumerate(choice.entries):
        said = [row.best[number] for _, row in results]
        columns[choice.label_set.label(entry)] = [f"{names[index]}, {percent(share)}" for index, share in said]
    for number, name in enumerate(_pair_names(choice)):
        columns[name] = [getattr(row.agreements[number], field) for _, row in results]
    numbers = {name: st.column_config.NumberColumn(format="%.2f") for name in _pair_names(choice)}
    st.dataframe(
        pd.DataFrame(columns), key=state.compare.TABLE, hide_index=True, row_height=_ROW, selection_mode="single-row",
        height=_ROW * min(_IN_SIGHT, len(results)) + _HEAD,
        on_select=partial(_open, [item for item, _ in results]),
        column_config={"": st.column_config.ImageColumn(width="small"), **numbers},
    )  # fmt: skip
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.caption("Choose a line to open its image above. Agreement as defined above; empty where a map is flat.")
    right.download_button(
        "Table (CSV)", icon=":material/download:", file_name="finegrain-lens-images.csv", mime="text/csv",
        on_click="ignore", data=partial(_csv, choice, results), width="stretch",
    )  # fmt: skip


def _open(items: Sequence[Item]) -> None:
    """Callback of the table: the chosen image becomes the sidebar's."""
    rows = st.session_state[state.compare.TABLE]["selection"]["rows"]
    if not rows:
        return
    image = items[rows[0]].load()
    if image.sample is not None:
        st.session_state[state.sidebar.DRAWING] = int(image.name.rsplit(" ", 1)[1])
        return
    upload = st.session_state.get(state.sidebar.UPLOAD)
    st.session_state[state.sidebar.SOURCE] = "photo"
    # under the sidebar's own upload, if there is one, so that it is not taken up again
    state.sidebar.keep_photo(Photo(upload.file_id if upload is not None else items[rows[0]].key, image))


def _csv(choice: Choice, results: Sequence[Result]) -> str:
    names, lines = choice.label_set.class_names, []
    for item, row in results:
        line: dict[str, str | float | None] = {"image": item.name, "drawn": row.drawn}
        for entry, (index, share) in zip(choice.entries, row.best, strict=True):
            label = choice.label_set.label(entry)
            line |= {label: names[index], f"{label} probability": round(share, 6)}
        for pair, found in zip(_pair_names(choice), row.agreements, strict=True):
            line |= {f"{pair}: {field}": value for field, value in as_numbers(found).items()}
        lines.append(line)
    return pd.DataFrame(lines).to_csv(index=False)
