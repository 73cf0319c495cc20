"""How a method is shown that brings no drawing of its own: from its `Detail` and its settings alone."""

import dataclasses

import streamlit as st

from app.charts import style
from app.charts.panels import Layer, Panel, panels
from app.components.cards import frames_told
from app.components.text import percent, plain, table
from app.components.text import section as heading
from app.methods.base import Fields, Inspected, View
from fgcore.config import Experiment, choices
from fgcore.methods import METHODS
from fgcore.records import Asked, Explanation

_COLUMNS = 4


def completed(view: View) -> View:
    """The view with what it leaves out filled in."""
    return dataclasses.replace(view, section=view.section or section, form=view.form or form)


def section(asked: Inspected) -> None:
    """Maps, tables, numbers and single classifiers of the method's detail; nothing where it shows nothing."""
    shown = asked.shown
    wanted = shown.asked(asked.classes)
    numbers, tables = shown.detail.numbers(wanted, top=5), shown.detail.tables(wanted)
    found = shown.detail.maps(shown.view.pixels.shape[:2], wanted.class_index)
    if not (found or numbers or tables):
        return
    heading(f"{asked.label}: what it shows of itself", METHODS[shown.method].summary)
    if found:
        _maps(asked, wanted)
    for one in tables:
        with st.expander(one.title) if one.folded else st.container():
            if not one.folded:
                st.markdown(f"**{plain(one.title)}**")
            st.html(table(one.head, one.rows))
    _classifiers(shown, wanted)
    if numbers:
        with st.expander("Its numbers"):
            st.json(numbers)


def _maps(asked: Inspected, wanted: Asked) -> None:
    pixels, items, told = asked.shown.view.pixels, [], []
    for found in asked.shown.detail.maps(pixels.shape[:2], wanted.class_index).values():
        high = found.high if found.high > found.low else found.low + 1
        layer = Layer(found.values, found.quantity, found.low, high, style.CHANNELS, smooth=not asked.choice.cells)
        about = "" if found.class_index is None else f"<br>{style.plain_html(wanted.class_names[found.class_index])}"
        items.append(Panel(f"<b>{style.plain_html(found.quantity)}</b>{about}", pixels, layer, asked.marks))
        rows, columns = found.cells
        told.append(f"{plain(found.quantity)}, {rows} × {columns}, {found.low:.3g} – {found.high:.3g}")
    with st.container(key=f"strip-own-{asked.entry.key}"):
        st.plotly_chart(
            panels(items, columns=min(_COLUMNS, len(items)), side=205 if len(items) > 2 else 262),
            config=style.CONFIG, key=f"own-{asked.entry.key}", alt="The method's own maps over the image",
        )  # fmt: skip
    st.caption(f"Each on its own scale: {'; '.join(told)}.{frames_told(asked.marks)}")


def _classifiers(shown: Explanation, wanted: Asked) -> None:
    said = shown.detail.predictions()
    if not said:
        return
    name = wanted.class_names[wanted.class_index]
    rows = [
        [
            one.name,
            wanted.class_names[one.best],
            percent(float(one.probabilities[one.best])),
            percent(float(one.probabilities[wanted.class_index])),
        ]
        for one in said
    ]
    with st.expander("Every classifier"):
        st.html(table(["Classifier", "First choice", "", f"Probability of {name}"], rows))


def form(base: Experiment, fields: Fields) -> None:
    """A widget for each of the method's own settings that is a number, a switch or a choice, and for its loss's."""
    for section_name, settings in (("model", base.model.settings), ("loss", base.loss.settings)):
        for item in dataclasses.fields(settings):
            path, value = f"{section_name}.settings.{item.name}", getattr(settings, item.name)
            label = item.name.replace("_", " ").capitalize()
            if isinstance(value, bool):
                fields.toggle(label, path)
            elif isinstance(value, int | float):
                fields.number(label, path)
            elif isinstance(value, str) and choices(base, path):
                fields.choice(label, path)
