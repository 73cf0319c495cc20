"""The head of the page: the image as the networks see it, and what each model says."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np
import streamlit as st

from app import checkpoints
from app.charts.panels import Corners, Outline
from app.checkpoints import Entry, LabelSet
from app.components.text import bars, origin, percent, plain
from app.state.sidebar import Image
from fgcore.data.synthetic import class_names, draw
from fgcore.inspection.inspector import origin as origin_of
from fgcore.methods import METHODS
from fgcore.methods.base import Method
from fgcore.records import Explanation, View
from fgcore.report.render import png

SHORT = 12  # characters of a sha256 to show


def truth_in(image: Image, names: Sequence[str]) -> str | None:
    """The class that was drawn or is labelled, where the models know it."""
    true = image.label if image.sample is None else image.sample.class_name
    return true if true in names else None


def sees(view: View) -> str:
    """What of the photo the network sees, in one sentence."""
    side, width = view.pixels.shape[:2]
    height_of_photo, width_of_photo = view.photo_size
    x1, y1, x2, y2 = view.photo_box
    share = (x2 - x1) * (y2 - y1) / (height_of_photo * width_of_photo)
    part = "all" if share > 0.995 else f"the middle {share:.0%}".replace("%", " %")
    return f"The networks see {part} of the {width_of_photo} × {height_of_photo} image at {width} × {side} pixels."


def discriminative_frames(image: Image, view: View) -> list[Outline]:
    """Frames around the parts that tell a drawn class from its nearest relative, in network pixels."""
    if image.sample is None:
        return []
    boxes = [(part, _bounds(image.sample.part_masks[part])) for part in image.sample.discriminative_parts]
    return [
        Outline(_in_view(box, view), "#ffffff", hover=f"discriminative part: {part.replace('_', ' ')}", dotted=True)
        for part, box in boxes
        if box is not None
    ]


def frames_told(frames: Sequence[Outline]) -> str:
    """What `discriminative_frames` are, for the caption of a figure that has them."""
    return " Dotted frame: what tells the drawn class from its nearest relative." if frames else ""


def _bounds(mask: np.ndarray) -> Corners | None:
    """Corners of a mask in image pixels, far ones exclusive."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def _in_view(box: Corners, view: View, margin: float = 3) -> Corners:
    """A box of the photo in pixels of the network input, a little wider."""
    x1, y1, x2, y2 = view.photo_box
    across, down = view.pixels.shape[1] / (x2 - x1), view.pixels.shape[0] / (y2 - y1)
    return (
        (box[0] - x1) * across - margin,
        (box[1] - y1) * down - margin,
        (box[2] - x1) * across + margin,
        (box[3] - y1) * down + margin,
    )


def image_head(image: Image, view: View | None) -> None:
    """The image as the network sees it, its name, and what tells it from its nearest relative."""
    drawn = image.sample is not None
    left, right = st.columns([2, 1.9] if drawn else [1, 1.9], gap="medium", vertical_alignment="center")
    pixels = image.pixels if view is None else view.pixels
    with left:
        places = st.columns(2, gap="small", wrap=False) if drawn else [st.container()]
    places[0].image(png(pixels), output_format="PNG", width="stretch", alt="The image, as the networks see it")
    if drawn:
        relative = png(_relative(image, view))
        places[1].image(relative, output_format="PNG", width="stretch", alt="Its nearest relative in the same pose")
    with right:
        if drawn:
            _drawn(image)
        else:
            st.html(f'<h3 class="fg-name">{html.escape(image.name)}</h3>')
            st.markdown(plain(image.about) or "Your photograph. It stays on this machine.")
        if view is not None:
            st.caption(sees(view))
        st.caption(f"sha256 of its pixels {image.sha256[:SHORT]}")


def _relative(image: Image, view: View | None) -> np.ndarray:
    """The nearest relative in the same pose, cut as the networks see the image."""
    pixels = draw(image.sample.kind, image.sample.relative, image.sample.seed, size=len(image.pixels)).image
    if view is None:
        return pixels
    x1, y1, x2, y2 = (round(side) for side in view.photo_box)
    return pixels[y1:y2, x1:x2]


def _drawn(image: Image) -> None:
    sample = image.sample
    relative = class_names(sample.kind)[sample.relative]
    parts = " and ".join(f"**{part.replace('_', ' ')}**" for part in sample.discriminative_parts)
    st.subheader(plain(sample.class_name), anchor=False)
    st.markdown(
        f"Drawn by the program; beside it, in the same pose, its nearest relative, the {plain(relative)}. "
        f"They differ in the {parts} and in nothing else: there a fine-grained classifier must look."
    )


def model_card(explanation: Explanation, entry: Entry, label_set: LabelSet, image: Image) -> None:
    """One model's answer and where the model comes from."""
    best = explanation.prediction.best
    truth = truth_in(image, explanation.class_names)
    name, share = html.escape(explanation.class_names[best]), percent(explanation.prediction.probabilities[best])
    st.html(
        f'<div class="fg-model"><h4>{html.escape(label_set.label(entry))}</h4>'
        f'<div class="fg-answer"><b>{name}</b><span>{html.escape(share)}</span></div>'
        f"{_verdict(explanation.class_names[best], truth, drawn=image.sample is not None)}"
        f"{bars(explanation.prediction, explanation.class_names, truth=truth)}</div>"
    )
    with st.expander("Where it comes from"):
        st.html(origin(origin_facts(entry)))
        st.code(explanation.origin.get("command", "unknown"), language=None, wrap_lines=True)


def _verdict(answer: str, truth: str | None, *, drawn: bool) -> str:
    if truth is None:
        return ""
    right, wrong = ("✓ what was drawn", "✗ drawn") if drawn else ("✓ as it is labelled", "✗ labelled")
    words = right if answer == truth else f"{wrong}: {html.escape(truth)}"
    return f'<div class="fg-verdict fg-muted">{words}</div>'


def origin_facts(entry: Entry) -> dict[str, str]:
    """What there is to know of a checkpoint, name -> text."""
    provenance, told = entry.checkpoint.provenance, origin_of(entry.checkpoint)
    test = scores(entry)
    accuracy = f"{100 * test['top1']:.1f} % top-1 of {test.get('images', '?')} test images" if test else ""
    return {
        "Checkpoint": entry.path.name,
        "sha256": entry.checkpoint.sha256[:SHORT],
        "Trunk": told["trunk"],
        "Trained on": told["data"],
        "Accuracy": accuracy,
        "Seed, epochs": f"{told['seed']}, {provenance.get('epochs', '?')}",
        "Commit": told["commit"],
        "Made": f"{str(provenance.get('date', ''))[:10]} on {provenance.get('device', 'an unknown device')}",
        "Computed in": told["precision"],
    }


def scores(entry: Entry) -> dict[str, Any]:
    """What a checkpoint says of its test: "top1" in [0, 1], and perhaps "top5", "images", "data"; {}: nothing."""
    test = entry.checkpoint.report.get("test")
    return test if isinstance(test, dict) and isinstance(test.get("top1"), float) else {}


def failure(entry: Entry, label_set: LabelSet, sentence: str) -> None:
    """A model that could not say anything of the image."""
    st.error(plain(sentence), title=plain(label_set.label(entry)), icon=":material/block:")


def no_models(method: Method | None = None) -> None:
    """What to do where there is no checkpoint yet: train one, of this method if given."""
    with st.container(border=True):
        st.subheader("No model to ask yet", anchor=False)
        st.markdown("Train one on the birds that the program draws; this needs no data and takes minutes on two cores:")
        st.code(f"python -m fgcore train {recipe(method or next(iter(METHODS.values())))}", language="bash")
        st.markdown(
            "Then reload this page. It lists every checkpoint in `checkpoints/` and the best one of each folder in "
            f"`runs/`; the variable `{checkpoints.VARIABLE}` names another folder."
        )


def recipe(method: Method) -> str:
    """A method's first recipe for all drawn birds, or else its first one; "" where it has none."""
    presets = [preset() for preset in method.presets]
    drawn = [preset for preset in presets if preset.data.dataset == "synthetic_birds" and not preset.data.classes]
    return next((preset.name for preset in (*drawn, *presets)), "")
