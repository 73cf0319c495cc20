"""The training loss of this picture, rebuilt term by term and held against the training's own function."""

import numpy as np
import streamlit as st

from app.components.mc_story import Story
from app.components.text import plain, table
from fgcore.methods.mc.mc_detail import LossParts


def loss_terms(story: Story) -> None:
    """Each term, the weights, the total, and the check."""
    number = story.training_draw
    rebuilt, trained = story.loss(story.drawn(number)), story.loss(number)
    own = story.mask()
    columns = {f"mask {number}, as drawn": rebuilt}
    if (own != story.drawn(number)).any():
        columns["the mask you see" if story.number or own.sum() < len(own) else "all channels kept"] = story.loss(own)
    why = "" if story.truth is not None else " (the class in question, as the true one is not known)"
    st.markdown(
        "**loss = CE + μ (L_dis − λ L_div)**, for this picture alone. True class: "
        f"**{plain(story.names[story.target])}**{why}."
    )
    st.html(table(["", "", *columns], _rows(story, list(columns.values()))))
    _check(rebuilt, trained)
    st.caption(
        "Values in float32, without unit. Rebuilt: CE from the head's logits, L_dis and L_div from the scores g and "
        "the h shown on this page, with this checkpoint's own μ, λ and mask rule. Training's own: one call of "
        f"`fgcore.methods.mc.losses.MCLoss` with a generator of seed {number}. The network is in evaluation mode and the picture "
        "not augmented, unlike in training."
    )


def _rows(story: Story, parts: list[LossParts]) -> list[list[str]]:
    first = parts[0]
    return [
        ["CE", f"{story.cross_entropy}, of the classifier", *(_exact(part.ce) for part in parts)],
        ["L_dis", "−log of the true class's share in softmax(g)", *(_exact(part.discriminality) for part in parts)],
        ["L_div", f"mean of h over {len(story.names)} classes", *(_exact(part.diversity) for part in parts)],
        ["μ", "weight of MC-Loss", *(f"{first.mc_weight:.6g}" for _ in parts)],
        ["λ", "weight of diversity inside it", *(f"{first.diversity_weight:.6g}" for _ in parts)],
        ["μ · L_dis", "", *(f"+ {part.mc_weight * part.discriminality:.5g}" for part in parts)],
        ["μ · λ · L_div", "rewarded, so subtracted",
         *(f"− {part.mc_weight * part.diversity_weight * part.diversity:.5g}" for part in parts)],
        ["loss", "CE + μ (L_dis − λ L_div)", *(_exact(part.total) for part in parts)],
    ]  # fmt: skip


def _exact(value: float) -> str:
    """A float32 with as many digits as tell it from its neighbours."""
    return str(np.float32(value)).replace("-", "−")


def _check(rebuilt: LossParts, trained: LossParts) -> None:
    values = f"rebuilt {_exact(rebuilt.total)}, training's own {_exact(trained.total)}"
    if rebuilt == trained:
        st.success(f"CE, L_dis, L_div and the loss are equal to the last digit: {values}.", icon=":material/equal:")
    else:
        difference = rebuilt.total - trained.total
        st.error(f"Not equal: {values}, difference {difference:.3g}. Please report it.", icon=":material/error:")
