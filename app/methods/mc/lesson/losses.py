"""What MC-Loss asks of the groups: let the right one win, and spread over different places."""

import html

import numpy as np
import streamlit as st

from app.charts import style
from app.charts.panels import Layer, Panel
from app.components.lesson.step import CONTROL, Scene, Step, chart, fine_percent, says
from app.components.text import percent, plain
from app.methods.mc.lesson import keys
from app.methods.mc.lesson.board import START, board, centres_of
from app.methods.mc.page.case import loss_of
from fgcore.data.synthetic import sheets
from fgcore.methods.mc import MC as METHOD
from fgcore.methods.mc import losses
from fgcore.methods.mc.lesson import discriminality, hills, one_group
from fgcore.methods.mc.records import ChannelGroups

_SHOWN = 5  # classes in the list of scores
_TRAINING_STEPS = 20


def _right_group(scene: Scene) -> None:
    shown = scene.shown(METHOD)
    if shown is None:
        return
    names, own = shown.class_names, scene.sample.class_index
    family = [index for index, sheet in enumerate(sheets("birds")) if sheet.family == sheets("birds")[own].family]
    target = st.segmented_control(
        "Suppose the bird is really a", family, default=own, required=True, key=keys.TARGET,
        format_func=lambda index: plain(names[index]),
    )  # fmt: skip
    left, right = st.columns([1.15, 1], gap="large", vertical_alignment="center")
    left.html(_scores(shown.detail, names, target))
    loss = discriminality(shown.detail, target)
    with right:
        says(
            f"L_dis = **{loss:.2f}**. A softmax turns the scores of all {len(names)} classes into shares; the true "
            f"class gets {fine_percent(float(np.exp(-loss)))}, and L_dis is minus the logarithm of that."
        )
        st.caption(
            f"Bars: score g of the best {_SHOWN} of {len(names)} classes, the mean of each CCMP map, without unit. "
            "Underlined: the class that counts as true."
        )
        st.caption(scene.origin_line(METHOD))


def _scores(groups: ChannelGroups, names: tuple[str, ...], target: int) -> str:
    """The classes with the highest scores and the true one as bars, as HTML."""
    order = np.argsort(-groups.scores, kind="stable")[:_SHOWN].tolist()
    highest = float(groups.scores.max()) or 1.0
    rows = []
    for index in order if target in order else [*order[:-1], target]:
        name = html.escape(names[index])
        marked = f'<span class="fg-truth" title="counts as true">{name}</span>' if index == target else name
        score, place = float(groups.scores[index]), 1 + int((groups.scores > groups.scores[index]).sum())
        rows.append(
            f"<li><div><span>{place}. {marked}</span><span>g = {score:#.3g}</span></div>"
            f'<i style="--share:{100 * score / highest:.1f}%"></i></li>'
        )
    return f'<ol class="fg-bars fg-scores">{"".join(rows)}</ol>'


def _spread(scene: Scene) -> None:
    channels = hills(centres_of(keys.BOARD))
    shown = one_group(channels)
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("Drag the three blobs, or reach them with Tab and move them with the arrow keys.")
        board(START, shown.softmax, key=keys.BOARD)
    with right:
        st.html(_gauge(shown.diversity, len(channels)))
        layer = Layer(
            shown.softmax.max(0), "share", 0, float(shown.softmax.max()), style.CHANNELS, smooth=False, fading=False
        )
        white = np.full((140, 140, 3), 255, np.uint8)
        title = "The highest share at every place; their sum is h"
        chart([Panel(title, white, layer)], key="spread", alt=title, side=270)
        pairs = [shown.overlap[a, b] for a, b in ((0, 1), (0, 2), (1, 2))]
        st.caption(
            "A made-up example of 14 × 14 cells: each blob is a channel as shares that add up to 1 (spatial softmax). "
            f"Blobs 1 and 2 share {percent(pairs[0])}, blobs 1 and 3 {percent(pairs[1])}, blobs 2 and 3 "
            f"{percent(pairs[2])}."
        )


def _gauge(value: float, high: int) -> str:
    """The spread as a number and as a bar from 1 to the number of channels."""
    share = 100 * (value - 1) / (high - 1)
    return (
        f'<div class="fg-gauge" role="status"><p>h = <b>{value:.2f}</b></p><i style="--share:{share:.1f}%"></i>'
        f"<div><span>1: one spot</span><span>{high}: all apart</span></div></div>"
    )


def _whole_loss(scene: Scene) -> None:
    shown = scene.shown(METHOD)
    if shown is None:
        return
    now = st.slider("Training step (draws another channel mask)", 1, _TRAINING_STEPS, 1, key=keys.TERMS, width=CONTROL)
    entry = scene.entries[METHOD.name]
    parts = loss_of(entry, shown.detail, scene.image.sha256, scene.sample.class_index, now)
    st.html(
        '<div class="fg-sum" role="img" aria-label="The loss as a sum">'
        f"{_term('cross-entropy', parts.ce)}<b>+</b>{_term('weight μ', parts.mc_weight)}<b>× (</b>"
        f"{_term('L_dis', parts.discriminality)}<b>−</b>{_term('weight λ', parts.diversity_weight)}<b>×</b>"
        f"{_term('L_div, the mean of h', parts.diversity)}<b>) =</b>{_term('loss', parts.total)}</div>"
    )
    says(
        f"With this step's mask L_dis is **{parts.discriminality:.3g}**; the other numbers do not see the mask. "
        "Training makes the sum smaller; the trained network then answers without either extra loss."
    )
    st.caption(
        "L_div is the mean of h over the groups of all classes; the weights μ and λ are settings of this checkpoint. "
        + scene.origin_line(METHOD)
    )


def _term(name: str, value: float) -> str:
    return f"<span><b>{value:.3g}".replace("-", "−") + f"</b><small>{html.escape(name)}</small></span>"


STEPS = (
    Step(
        "MC-Loss",
        "The right group must win",
        "A class's score g is the mean of its CCMP map, and the loss *L_dis* (discriminality) is small only when the "
        "true class scores highest.",
        _right_group,
        (losses.class_scores, losses.discriminality),
    ),
    Step(
        "MC-Loss",
        "Spread over different places",
        "Channels that all respond at one spot are wasted, so *L_div* (diversity) rewards their spread h: 1 when three "
        "channels share one spot, 3 when each has its own.",
        _spread,
        (losses.spatial_softmax, losses.group_max, losses.class_diversity),
    ),
    Step(
        "MC-Loss",
        "The whole loss",
        "MC-Loss adds both wishes to cross-entropy: name the bird, let its group win, and spread out (L_div is "
        "subtracted, since more of it is better).",
        _whole_loss,
        (losses.MCLoss.forward,),
    ),
)
