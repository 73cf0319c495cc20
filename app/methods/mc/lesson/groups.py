"""MC-Loss's channels: who owns them, how they are masked, and how a group becomes one map."""

import html

import numpy as np
import streamlit as st

from app.charts import mosaic, style
from app.charts.panels import Layer, Panel
from app.components.cards import discriminative_frames
from app.components.lesson.step import CONTROL, Scene, Step, chart, fine_percent, says, without_slider
from app.components.text import plain
from app.methods.mc.lesson import keys
from app.methods.mc.sides import drawn_mask
from fgcore.evaluation.parts import share_on
from fgcore.methods.mc import MC as METHOD
from fgcore.methods.mc import losses
from fgcore.methods.mc.channel_groups import group
from fgcore.methods.mc.records import ChannelGroups
from fgcore.records import Explanation

_TRAINING_STEPS = 20
_SPLIT = (1.7, 1)  # image and words
_LARGER = 1.25  # than a mosaic beside another one


def _owners(scene: Scene) -> None:
    shown = scene.shown(METHOD)
    if shown is None:
        return
    names = shown.class_names
    own = scene.sample.class_index
    choices = [own, scene.sample.relative, len(names) - 1]  # itself, its relative, a stranger
    chosen = st.segmented_control(
        "Whose group?", choices, default=own, required=True, format_func=lambda index: plain(names[index]),
        key=keys.OWNER,
    )  # fmt: skip
    owned = shown.detail.channels_of(chosen)
    st.html(_ribbon(shown.detail, chosen, names[chosen]))
    left, right = st.columns(_SPLIT, gap="large", vertical_alignment="center")
    with left:
        _mosaic(shown, chosen, np.ones(len(owned), bool))
    with right:
        says(
            f"The {plain(names[chosen])} owns channels {owned.start} – {owned.stop - 1}: {len(owned)} of "
            f"{len(shown.detail.features)}."
        )
        st.caption(
            "One bird throughout, seen by the chosen group; the bar shows all groups. "
            f"Each map is {_size(shown)}, raw activations 0 – {float(shown.detail.features.max()):.3g} without unit."
        )
        st.caption(scene.origin_line(METHOD))


def _size(shown: Explanation) -> str:
    return f"{shown.detail.features.shape[1]} × {shown.detail.features.shape[2]} cells"


def _ribbon(groups: ChannelGroups, chosen: int, name: str) -> str:
    """All channels as a bar cut into the groups, one of them lit."""
    cells = "".join(
        f'<i style="flex-grow:{size}"{" class=fg-lit" if index == chosen else ""}></i>'
        for index, size in enumerate(groups.group_sizes)
    )
    words = f"All groups in a row, that of the {html.escape(name)} lit"
    return f'<div class="fg-ribbon" role="img" aria-label="{words}">{cells}</div>'


def _mosaic(shown: Explanation, index: int, kept: np.ndarray) -> None:
    own, numbers = group(shown.detail, index), shown.detail.channels_of(index)
    high = float(shown.detail.features.max()) or 1.0
    figure = mosaic.channel_mosaic(
        own.channels, numbers, kept, shown.view.pixels, high=high, columns=mosaic.columns_for(len(numbers))
    )
    without_slider(figure)
    figure.update_layout(height=round(_LARGER * figure.layout.height))
    st.plotly_chart(
        figure, config=style.CONFIG, key="lesson-mosaic",
        alt=f"The {len(numbers)} channels of the {shown.class_names[index]} as small heat maps over the bird",
    )  # fmt: skip


def _mask(scene: Scene) -> None:
    shown = scene.shown(METHOD)
    if shown is None:
        return
    now = st.slider("Training step", 1, _TRAINING_STEPS, 1, key=keys.MASK, width=CONTROL)
    own = scene.sample.class_index
    entry, owned = scene.entries[METHOD.name], shown.detail.channels_of(own)
    size = len(owned)
    drawn = [drawn_mask(entry, shown.detail, seed) for seed in range(1, now + 1)]
    masks = [mask[owned.start : owned.stop] for mask in drawn]
    counts = np.sum(masks, axis=0)
    left, right = st.columns(_SPLIT, gap="large", vertical_alignment="center")
    with left:
        _mosaic(shown, own, masks[-1])
    with right:
        says(
            f"Step {now}: {int((~masks[-1]).sum())} of {size} channels are off. So far each channel has worked in "
            f"{int(counts.min())} to {int(counts.max())} of {now} steps."
        )
        st.caption(
            f"The group of the {plain(shown.class_names[own])}. Veiled, with the number struck out: switched off. "
            "After training nothing is switched off."
        )
        st.caption(scene.origin_line(METHOD))


def _stack(scene: Scene) -> None:
    shown = scene.shown(METHOD)
    if shown is None:
        return
    own = scene.sample.class_index
    numbers = shown.detail.channels_of(own)
    count = st.slider("Channels on the stack", 1, len(numbers), len(numbers), key=keys.STACK, width=CONTROL)
    stack = group(shown.detail, own, np.arange(len(numbers)) < count)
    high = float(stack.channels.max()) or 1.0
    marks = discriminative_frames(scene.image, shown.view)
    added = Layer(stack.channels[count - 1], "channel", 0, high, style.CHANNELS)
    ccmp = Layer(stack.masked_ccmp, "CCMP", 0, high, style.CHANNELS)
    for column, title, layer in zip(
        st.columns(2, gap="medium"),
        (f"Channel {numbers[count - 1]}, the last one added", f"CCMP of {count} channel{'s' if count > 1 else ''}"),
        (added, ccmp),
        strict=True,
    ):
        with column:
            chart([Panel(title, shown.view.pixels, layer, marks)], key=layer.name, alt=title, side=330)
    mask = scene.discriminative_mask(shown.view)
    share, area = share_on(stack.masked_ccmp, mask), float(mask.mean())
    says(
        f"**{fine_percent(share)}** of the CCMP map lies on the {plain(scene.part)} (dotted frame), which covers "
        f"{fine_percent(area)} of the image."
    )
    st.caption(
        f"Both maps share one colour scale, raw activations 0 – {high:.3g} without unit. " + scene.origin_line(METHOD)
    )


STEPS = (
    Step(
        "MC-Loss",
        "Every class gets its own channels",
        "A network sees through *channels*, small maps that each light up at one pattern, and the first method, "
        "MC-Loss, shares them out: every class, here a species, owns a few, its *group*.",
        _owners,
        (ChannelGroups.channels_of, group),
    ),
    Step(
        "MC-Loss",
        "A random half is switched off",
        "At every training step chance switches off half of each group (*channel-wise attention*, CWA), so that each "
        "channel must recognise its class without the others.",
        _mask,
        (losses.channel_mask,),
    ),
    Step(
        "MC-Loss",
        "The strongest channel wins",
        "Then the group's channels are stacked, and at every place only the strongest one counts: *cross-channel max "
        "pooling* (CCMP) makes one map of many.",
        _stack,
        (losses.group_max,),
    ),
)
