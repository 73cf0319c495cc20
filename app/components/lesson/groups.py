"""MC-Loss's channels: who owns them, how they are masked, and how a group becomes one map."""

import html

import numpy as np
import streamlit as st

from app import state
from app.charts import mosaic, style
from app.charts.panels import Layer, Panel
from app.components.cards import telling_frames
from app.components.lesson.step import CONTROL, Scene, Step, chart, fine_percent, origin_line, says, without_slider
from app.components.text import plain
from fgcore.evaluation.parts import share_on
from fgcore.methods.mc import losses
from fgcore.methods.mc.channel_groups import draw_mask, group
from fgcore.records import ChannelGroups, Explanation

_TRAINING_STEPS = 20
_SPLIT = (1.7, 1)  # picture and words
_LARGER = 1.25  # than a mosaic beside another one


def _owners(scene: Scene) -> None:
    look = scene.look("mc")
    if look is None:
        return
    names = look.class_names
    own = scene.sample.class_index
    choices = [own, scene.sample.relative, len(names) - 1]  # itself, its relative, a stranger
    chosen = st.segmented_control(
        "Whose group?", choices, default=own, required=True, format_func=lambda index: plain(names[index]),
        key=state.learn.OWNER,
    )  # fmt: skip
    owned = look.groups.channels_of(chosen)
    st.html(_ribbon(look.groups, chosen, names[chosen]))
    left, right = st.columns(_SPLIT, gap="large", vertical_alignment="center")
    with left:
        _mosaic(look, chosen, np.ones(len(owned), bool))
    with right:
        says(
            f"The {plain(names[chosen])} owns channels {owned.start} – {owned.stop - 1}: {len(owned)} of "
            f"{len(look.groups.features)}."
        )
        st.caption(
            "One bird throughout, seen by the chosen group; the bar shows all groups. "
            f"Each map is {_size(look)}, raw activations 0 – {float(look.groups.features.max()):.3g} without unit."
        )
        st.caption(origin_line(scene.entries["mc"]))


def _size(look: Explanation) -> str:
    return f"{look.groups.features.shape[1]} × {look.groups.features.shape[2]} cells"


def _ribbon(groups: ChannelGroups, chosen: int, name: str) -> str:
    """All channels as a bar cut into the groups, one of them lit."""
    cells = "".join(
        f'<i style="flex-grow:{size}"{" class=fg-lit" if index == chosen else ""}></i>'
        for index, size in enumerate(groups.group_sizes)
    )
    words = f"All groups in a row, that of the {html.escape(name)} lit"
    return f'<div class="fg-ribbon" role="img" aria-label="{words}">{cells}</div>'


def _mosaic(look: Explanation, index: int, kept: np.ndarray) -> None:
    shown, numbers = group(look.groups, index), look.groups.channels_of(index)
    high = float(look.groups.features.max()) or 1.0
    figure = mosaic.channel_mosaic(
        shown.channels, numbers, kept, look.view.pixels, high=high, columns=mosaic.columns_for(len(numbers))
    )
    without_slider(figure)
    figure.update_layout(height=round(_LARGER * figure.layout.height))
    st.plotly_chart(
        figure, config=style.CONFIG, key="lesson-mosaic",
        alt=f"The {len(numbers)} channels of the {look.class_names[index]} as small heat maps over the bird",
    )  # fmt: skip


def _mask(scene: Scene) -> None:
    look = scene.look("mc")
    if look is None:
        return
    now = st.slider("Training step", 1, _TRAINING_STEPS, 1, key=state.learn.MASK, width=CONTROL)
    own = scene.sample.class_index
    size, dropped = look.groups.group_sizes[own], scene.entries["mc"].checkpoint.experiment.loss.dropped
    masks = [draw_mask(size, seed, None if dropped < 0 else dropped) for seed in range(1, now + 1)]
    counts = np.sum(masks, axis=0)
    left, right = st.columns(_SPLIT, gap="large", vertical_alignment="center")
    with left:
        _mosaic(look, own, masks[-1])
    with right:
        says(
            f"Step {now}: {int((~masks[-1]).sum())} of {size} channels are off. So far each channel has worked in "
            f"{int(counts.min())} to {int(counts.max())} of {now} steps."
        )
        st.caption(
            f"The group of the {plain(look.class_names[own])}. Veiled, with the number struck out: switched off. "
            "After training nothing is switched off."
        )
        st.caption(origin_line(scene.entries["mc"]))


def _stack(scene: Scene) -> None:
    look = scene.look("mc")
    if look is None:
        return
    own = scene.sample.class_index
    numbers = look.groups.channels_of(own)
    count = st.slider("Channels on the stack", 1, len(numbers), len(numbers), key=state.learn.STACK, width=CONTROL)
    shown = group(look.groups, own, np.arange(len(numbers)) < count)
    high = float(shown.channels.max()) or 1.0
    marks = telling_frames(scene.picture, look.view)
    added = Layer(shown.channels[count - 1], "channel", 0, high, style.CHANNELS)
    ccmp = Layer(shown.masked_ccmp, "CCMP", 0, high, style.CHANNELS)
    for column, title, layer in zip(
        st.columns(2, gap="medium"),
        (f"Channel {numbers[count - 1]}, the last one added", f"CCMP of {count} channel{'s' if count > 1 else ''}"),
        (added, ccmp),
        strict=True,
    ):
        with column:
            chart([Panel(title, look.view.pixels, layer, marks)], key=layer.name, alt=title, side=330)
    mask = scene.telling_mask(look.view)
    share, area = share_on(shown.masked_ccmp, mask), float(mask.mean())
    says(
        f"**{fine_percent(share)}** of the CCMP map lies on the {plain(scene.part)} (dotted frame), which covers "
        f"{fine_percent(area)} of the picture."
    )
    st.caption(
        f"Both maps share one colour scale, raw activations 0 – {high:.3g} without unit. "
        + origin_line(scene.entries["mc"])
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
