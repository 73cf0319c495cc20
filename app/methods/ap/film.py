"""AP-CNN's filmstrip: gates and ROIs level by level, and whether the zoom box comes to rest."""

from collections.abc import Callable, Sequence

from app.charts import style
from app.charts.filmstrip import Axes, Curve, Drawing, Span, Trace
from app.methods.base import Film
from fgcore.methods.ap.film import Regions
from fgcore.outputs import LEVELS
from fgcore.records import Box
from fgcore.report import render
from fgcore.training.probes import Strip


def _detail(drawing: Drawing, row: Span) -> None:
    """The spatial gates of the three levels with the ROIs that they lead to."""
    pixels = drawing.strip.probes[drawing.chosen].pixels
    side, source = pixels.shape[0], style.jpeg_source(render.grey(pixels))
    for place, level in enumerate(LEVELS):
        axes = drawing.axes((place * 0.25, place * 0.25 + 0.238), row, image=(side, side))
        drawing.title(f"Level {level}: gate and ROIs", axes)
        drawing.beneath(source, axes, x=-0.5, y=-0.5, size=(side, side))
        drawing.moving.extend([_gate(drawing.shown, place, side, axes), _boxes(drawing.shown, place, axes)])


def _gate(shown: Sequence[Regions], place: int, side: int, axes: Axes) -> Callable[[int], Trace]:
    """One scale for all levels and epochs, so that a gate that opens is seen to open."""
    low = min(float(gate.min()) for regions in shown for gate in regions.gates)
    high = max(float(gate.max()) for regions in shown for gate in regions.gates)
    cell = side / shown[0].gates[place].shape[0]
    start = cell / 2 - 0.5
    grid = {"x0": start, "dx": cell, "y0": start, "dy": cell, "zmin": low, "zmax": max(high, low + 1e-6)}
    drawn = {"colorscale": style.colourscale(style.GATES, fading=True), "showscale": False, "zsmooth": "best"}
    drawn["hovertemplate"] = "gate %{z:.3f}<extra></extra>"
    return lambda epoch: {"type": "heatmap", "z": shown[epoch].gates[place], **grid, **drawn, **axes}


def _boxes(shown: Sequence[Regions], place: int, axes: Axes) -> Callable[[int], Trace]:
    line = {"color": style.LEVEL_COLOURS[LEVELS[place]], "width": 2}

    def trace(epoch: int) -> Trace:
        x, y = _outline(shown[epoch].rois[place])
        return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line, "hoverinfo": "skip", **axes}

    return trace


def _outline(boxes: Sequence[Box]) -> tuple[list[float | None], list[float | None]]:
    """All boxes as one line with gaps."""
    x: list[float | None] = []
    y: list[float | None] = []
    for box in boxes:
        x += [box.x1 - 0.5, box.x2 - 0.5, box.x2 - 0.5, box.x1 - 0.5, box.x1 - 0.5, None]
        y += [box.y1 - 0.5, box.y1 - 0.5, box.y2 - 0.5, box.y2 - 0.5, box.y1 - 0.5, None]
    return x or [None], y or [None]


def _curves(strip: Strip) -> list[Curve]:
    probes, epochs = range(len(strip.probes)), range(len(strip.epochs))
    steady = [[_same_place(strip, epoch, probe) for epoch in epochs] for probe in probes]
    return [Curve("Zoom box shared with the epoch before, %", steady, (0, 100))]


def _same_place(strip: Strip, epoch: int, probe: int) -> float | None:
    """How much of both zoom boxes is in common, in percent of what they cover together; None at the start."""
    if not epoch:
        return None
    a, b = (strip.frames[number][probe].shown.zoom_box for number in (epoch - 1, epoch))
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0.0) * max(height, 0.0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return 100 * common / (areas - common) if areas > common else 100.0


FILM = Film(
    lesson="The regions that AP-CNN takes from its spatial gates, and in light the part that it zooms into. Play it, "
    "or drag the slider, and see **whether its attention settles**: the left curve tells how much of the zoom box "
    "stayed.",
    note=lambda strip: (
        "Boxes: level 3 blue, level 4 orange, level 5 pink. Gates lie in (0, 1), on one scale for all "
        "levels and epochs. The left curve compares each zoom box with that of the epoch before."
    ),
    detail=_detail,
    curves=_curves,
)
