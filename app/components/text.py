"""Words and small HTML: whatever a stranger wrote (file names, class names) is shown as plain text."""

import html
import re
from collections.abc import Mapping, Sequence

import streamlit as st

from fgcore.records import Prediction


def plain(text: str) -> str:
    """`text` so that Markdown shows it as it is, on one line."""
    escaped = re.sub(r"([\\`*_{}\[\]<>|~:$&])", r"\\\1", " ".join(text.split()))
    return re.sub(r"^(\d*)([#+\-.)])", r"\1\\\2", escaped)  # at the start: a heading or a list


def percent(share: float) -> str:
    """A share of one in percent: whole numbers, but never a rounded-up 100 % or a rounded-down 0 %."""
    if 0 < share < 0.005:
        return "< 1 %"
    if 0.995 <= share < 1:
        return "> 99 %"
    return f"{share:.0%}".replace("%", " %")


def bars(prediction: Prediction, class_names: Sequence[str], *, truth: str | None = None, count: int = 5) -> str:
    """The most probable classes as a list with bars, as HTML.

    Args:
        prediction: whose probabilities.
        class_names: K of them.
        truth: the true class, underlined; None: unknown.
        count: how many.
    """
    rows = []
    for index, probability in prediction.top(count):
        name = html.escape(class_names[index])
        marked = f'<span class="fg-truth" title="the true class">{name}</span>' if class_names[index] == truth else name
        rows.append(
            f"<li><div><span>{marked}</span><span>{html.escape(percent(probability))}</span></div>"
            f'<i style="--share:{100 * probability:.1f}%"></i></li>'
        )
    return f'<ol class="fg-bars">{"".join(rows)}</ol>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as HTML; the first cell of each row is its heading."""
    top = "".join(f'<th scope="col">{html.escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{html.escape(row[0])}</th>' + "".join(f"<td>{html.escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )  # fmt: skip
    return f'<table class="fg-table"><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>'


def origin(facts: Mapping[str, str]) -> str:
    """Where something comes from, as an HTML list; empty facts are left out."""
    items = "".join(
        f"<dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd>" for name, value in facts.items() if value
    )
    return f'<dl class="fg-origin">{items}</dl>'


def section(title: str, lesson: str) -> None:
    """A heading and the sentence that says what there is to see."""
    st.subheader(title, anchor=False)
    st.markdown(lesson)
