"""The branch of L_dis: raw channels, a mask to draw or to set by hand, CCMP, and which channel wins where."""

import html
from collections.abc import Iterator, Sequence

import numpy as np
import streamlit as st

from app.charts import mosaic, style
from app.charts.panels import Layer, Panel, panels
from app.components.cards import frames_told
from app.components.text import percent, plain, table
from app.methods.mc import session
from app.methods.mc.page.case import Case
from app.methods.mc.sides import Side
from fgcore.methods.mc.channel_groups import GroupScores, wins

_SIDE = 262  # pixels of an image
_NAMED = len(style.WINNER_COLOURS) - 1  # channels with a colour of their own


def discriminality(case: Case) -> None:
    """Channels, mask, scores and CCMP of class and contrast class."""
    st.markdown(
        "**The channels of a class, raw.** MC-Loss trains each to recognise its class, so no gradient is needed to see "
        "what the class responds to. In training a random mask (CWA) drops some of them at every step, so that no "
        "channel may rely on the others. **Click a channel to drop it or to take it back.**"
    )
    own_scale = st.toggle(
        "Colour each channel to its own maximum", key=session.OWN_SCALE, persist_state="session",
        help="Shows weak channels too. Off: all share one scale, so strong and weak can be told apart.",
    )  # fmt: skip
    places = st.columns(2, gap="medium")
    sides = case.sides(case.mask())
    high = max(float(side.group.channels.max()) for side in sides) or 1.0
    for place, side in zip(places, sides, strict=False):
        with place:
            _channels(case, side, high, own_scale=own_scale)
    _undo(case)
    _scores(case, sides)
    _ccmp(case, sides, high)


def _channels(case: Case, side: Side, high: float, *, own_scale: bool) -> None:
    """A mosaic whose tiles take clicks, and the same choice as buttons."""
    st.markdown(f"**{plain(side.name)}** · {side.called}")
    group = case.group_key(side.index)
    kept = tuple(number for number, keep in zip(side.numbers, side.group.mask, strict=True) if keep)
    figure = mosaic.channel_mosaic(
        side.group.channels, side.numbers, side.group.mask, case.shown.view.pixels, high=high,
        columns=mosaic.columns_for(len(side.numbers)), clickable=True, own_scale=own_scale,
    )  # fmt: skip
    chart = f"mc-mosaic-{side.role}-{case.key}"
    st.plotly_chart(
        figure, config=style.CONFIG, key=chart, selection_mode="points", on_select=lambda: _clicked(chart, group, kept),
        alt=f"The {len(side.numbers)} channels of {side.called} as small heat maps; {len(kept)} are kept",
    )  # fmt: skip
    count, height, width = side.group.channels.shape
    scale = "each on its own scale" if own_scale else f"both mosaics share the scale 0 – {high:.3g}"
    st.caption(
        f"Channels {side.numbers.start} – {side.numbers.stop - 1}: {count} maps of {height} × {width}, activations "
        f"0 – {side.group.channels.max():.3g} without unit; {scale}. "
        f"{len(kept)} kept, {count - len(kept)} dropped (veiled)."
    )
    buttons = f"mc-kept-{side.index}-{case.key}"
    st.session_state[buttons] = list(kept)
    with st.expander("Choose channels by button"):
        st.pills(
            f"Channels of {side.called} to keep", list(side.numbers), selection_mode="multi", key=buttons,
            on_change=lambda: session.keep_by_hand(group, st.session_state[buttons]),
            label_visibility="collapsed",
        )  # fmt: skip


def _clicked(chart: str, group: session.MCGroup, kept: Sequence[int]) -> None:
    """A click on a tile: the channel changes sides."""
    points = st.session_state[chart]["selection"]["points"]
    if points:
        session.keep_by_hand(group, set(kept) ^ {int(points[0]["customdata"])})


def _undo(case: Case) -> None:
    st.button(
        "Undo my clicks", icon=":material/undo:", key="mc-undo", disabled=not case.kept,
        on_click=session.keep_as_drawn, args=(case.key, case.number),
    )  # fmt: skip


def _scores(case: Case, sides: Sequence[Side]) -> None:
    """What the mask does to the classes' scores and ranks."""
    before, after = case.scores(case.drawn(0)), case.scores(case.mask())
    total = len(case.names)
    rows = [
        ["channels kept", *(f"{int(side.group.mask.sum())} of {len(side.numbers)}" for side in sides)],
        ["score g, all channels", *(f"{before.scores[s.index]:.4g}" for s in sides)],
        ["score g, under the mask", *(f"{after.scores[s.index]:.4g}{_change(before, after, s)}" for s in sides)],
        ["rank by g", *(f"{before.rank(s.index)} → {after.rank(s.index)} of {total}" for s in sides)],
        ["share in the softmax of g", *(_shares(before, after, s) for s in sides)],
    ]
    st.markdown("**What the mask does to the score**")
    st.html(table(["", *(side.name for side in sides)], rows))
    others = "their masks of the same draw" if case.number else "all their channels"
    st.caption(
        f"g: the mean of the CCMP map, without unit. All other classes have {others}. L_dis is −log of the true "
        "class's share. The classifier, which predicts, sees every channel: a mask does not change the prediction."
    )


def _change(before: GroupScores, after: GroupScores, side: Side) -> str:
    was, now = float(before.scores[side.index]), float(after.scores[side.index])
    return "" if was == 0 or was == now else f" ({(now - was) / was:+.0%})".replace("%", " %").replace("-", "−")


def _shares(before: GroupScores, after: GroupScores, side: Side) -> str:
    return " → ".join(f"{100 * float(scores.probabilities[side.index]):.1f} %" for scores in (before, after))


def _ccmp(case: Case, sides: Sequence[Side], high: float) -> None:
    """Maxima over the group, before and after the mask, and who gives them."""
    st.markdown("**CCMP** keeps the strongest channel of the class at each position. **Which channel wins where?**")
    pixels, items = case.shown.view.pixels, []
    for side in sides:
        name = html.escape(side.name)
        for values, what in ((side.group.ccmp, "CCMP, all channels"), (side.group.masked_ccmp, "CCMP under the mask")):
            layer = Layer(values, "CCMP", 0, high, style.CHANNELS, smooth=not case.cells)
            items.append(Panel(f"<b>{name}</b><br>{what}", pixels, layer, case.marks))
        items.append(Panel(f"<b>{name}</b><br>which channel wins", pixels, _winners(side), case.marks))
    with st.container(key=f"strip-mc-ccmp-{case.key}"):
        st.plotly_chart(
            panels(items, columns=3, side=_SIDE), config=style.CONFIG, key=f"mc-ccmp-{case.key}",
            alt="CCMP of class and contrast class over the image, before and after the mask, and the winning channels",
        )  # fmt: skip
    for side in sides:
        st.html(_legend(side))
    height, width = sides[0].group.ccmp.shape
    st.caption(
        f"Maps of {height} × {width}; CCMP without unit, 0 – {high:.3g}. Winner maps, all channels kept: the {_NAMED} "
        "channels that win most cells in colours of their own, others in grey; clear where all are silent."
        + frames_told(case.marks)
    )


def _ranked(side: Side) -> Iterator[tuple[int, float]]:
    """Channel within the group and its share of the cells, most frequent winners first; silent ones are left out."""
    shares = wins(side.group)
    return ((int(number), float(shares[number])) for number in np.argsort(-shares, kind="stable") if shares[number])


def _winners(side: Side) -> Layer:
    colour_of = np.full(len(side.numbers), _NAMED, np.float32)
    for place, (number, _) in zip(range(_NAMED), _ranked(side), strict=False):
        colour_of[number] = place
    winner = side.group.winner
    places = np.where(side.group.ccmp > 0, colour_of[winner], np.nan)
    numbers = winner + side.numbers.start
    return Layer(places, "channel", -0.5, _NAMED + 0.5, style.WINNERS, smooth=False, fading=False, texts=numbers)


def _legend(side: Side) -> str:
    """The winners' colours, numbers and shares."""
    ranked = list(_ranked(side))
    told = [(str(number + side.numbers.start), share) for number, share in ranked[:_NAMED]]
    if len(ranked) > _NAMED:
        told.append((f"{len(ranked) - _NAMED} more", sum(share for _, share in ranked[_NAMED:])))
    items = [
        f'<li><i style="--tint:{colour}"></i>{what}: {html.escape(percent(share))}</li>'
        for colour, (what, share) in zip(style.WINNER_COLOURS, told, strict=False)
    ]
    wins_of = f"<b>{html.escape(side.name)}</b>, share of the cells won by channel"
    return f'<div class="fg-legend"><span>{wins_of}</span><ul>{"".join(items)}</ul></div>'
