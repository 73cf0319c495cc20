"""How the toy method shows itself in the app, defined in the tests alone; and the same toy without a view."""

from pathlib import Path

import streamlit as st

from app import resources, state
from app.charts import style
from app.charts.filmstrip import Curve, Drawing, Span
from app.charts.panels import Layer, Panel, panels
from app.components.lesson.step import Scene, Step
from app.methods.base import Fields, Film, Inspected, OwnMap, Page, View
from fgcore.config import Experiment
from fgcore.training.probes import Strip
from toy_method import TOY

PLAIN = """
import dataclasses
from toy_method import TOY
PLAIN = dataclasses.replace(TOY, name="plain_toy", title="The Plain Toy", presets=())  # what every method has shows it
"""


def section(asked: Inspected) -> None:
    st.markdown(f"{asked.label} attends to {asked.shown.detail.attention.mean():.4f} of the image.")


def show() -> None:
    choice = state.sidebar.choice()
    st.title("The Toy's own page", anchor=False)
    entry = next(entry for entry in choice.entries if entry.method == TOY.name)
    shown = resources.explanation(entry, choice.image)
    layer = Layer(shown.detail.attention, "toy attention", 0, 1, style.GATES)
    st.plotly_chart(panels([Panel("Attention", shown.view.pixels, layer)], columns=1, side=200), key="toy-page")


def detail(drawing: Drawing, row: Span) -> None:
    maps = drawing.shown
    axes = drawing.axes((0, 0.2), row, image=(maps[0].shape[1], maps[0].shape[0]))
    drawing.title("The toy's attention", axes)
    drawing.moving.append(lambda epoch: {"type": "heatmap", "z": maps[epoch], "zmin": 0, "zmax": 1, **axes})


def curves(strip: Strip) -> list[Curve]:
    probes = range(len(strip.probes))
    means = [[float(frames[probe].shown.mean()) for frames in strip.frames] for probe in probes]
    return [Curve("Mean attention", means, (0, 1))]


def form(base: Experiment, fields: Fields) -> None:
    fields.number("Pull of the toy's centres", "loss.settings.pull")


def lesson(scene: Scene) -> None:
    shown = scene.shown(TOY)
    if shown is not None:
        st.markdown(f"The toy's attention has a mean of {shown.detail.attention.mean():.4f}.")


VIEW = View(
    TOY.name,
    section=section,
    page=Page("toy", TOY.title, show),
    maps={"toy_attention": OwnMap("where its attention lies", "from 0 to 1", style.GATES)},
    film=Film(
        lesson="The toy's attention after every epoch.",
        note=lambda strip: "Dark: the toy ignores it.",
        told=lambda strip: f"The toy was watched for **{len(strip.epochs)}** epochs.",
        detail=detail,
        curves=curves,
    ),
    form=form,
    steps=(Step("The toy", "What the toy sees", "It has one attention.", lesson, (section,)),),
)


def install(folder: Path) -> Path:
    """The view as an installed package beside that of `toy_method.install`, in the same folder."""
    about = folder / "toy_view-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-view\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text(
        "[fgcore.methods]\nplain_toy = toy_plain:PLAIN\n[finegrain_lens.views]\ntoy = toy_view:VIEW\n"
    )
    (folder / "toy_plain.py").write_text(PLAIN)
    (folder / "toy_view.py").write_text(Path(__file__).read_text(encoding="utf-8"))
    return folder
