"""The training loss of this image, term by term, and whether the mask shown is the one that training draws."""

import numpy as np
import streamlit as st

from app.components.text import plain, table
from app.methods.mc.page.case import Case
from fgcore.methods.mc.head_reading import LossParts


def loss_terms(case: Case) -> None:
    """Each term, the weights, the total, and the check."""
    number = case.training_draw
    shown, trained = case.loss(case.drawn(number)), case.loss(number)
    own = case.mask()
    columns = {f"mask {number}, as drawn": shown}
    if (own != case.drawn(number)).any():
        columns["the mask you see" if case.number or own.sum() < len(own) else "all channels kept"] = case.loss(own)
    why = "" if case.truth is not None else " (the class in question, as the true one is not known)"
    st.markdown(
        "**loss = CE + μ (L_dis − λ L_div)**, for this image alone. True class: "
        f"**{plain(case.names[case.target])}**{why}."
    )
    st.html(table(["", "", *columns], _rows(case, list(columns.values()))))
    _check(shown, trained)
    st.caption(
        f"Values in float32, without unit: one call of `fgcore.methods.mc.losses.MCLoss` with {case.whose} μ, λ and "
        f"mask rule, once under the mask shown on this page and once with a generator of seed {number}, from which it "
        "draws the mask itself. The network is in evaluation mode and the image not augmented, unlike in training."
    )


def _rows(case: Case, parts: list[LossParts]) -> list[list[str]]:
    first = parts[0]
    return [
        ["CE", f"{case.cross_entropy}, of the classifier", *(_exact(part.ce) for part in parts)],
        ["L_dis", "−log of the true class's share in softmax(g)", *(_exact(part.discriminality) for part in parts)],
        ["L_div", f"mean of h over {len(case.names)} classes", *(_exact(part.diversity) for part in parts)],
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


def _check(shown: LossParts, trained: LossParts) -> None:
    values = f"under the mask shown {_exact(shown.total)}, under the mask that training draws {_exact(trained.total)}"
    if shown == trained:
        st.success(f"CE, L_dis, L_div and the loss are equal to the last digit: {values}.", icon=":material/equal:")
    else:
        difference = shown.total - trained.total
        st.error(f"Not equal: {values}, difference {difference:.3g}. Please report it.", icon=":material/error:")
