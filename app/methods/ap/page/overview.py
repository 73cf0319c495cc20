"""AP-CNN at a glance: every box of the paper's framework figure with its live image and shape."""

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.charts import style
from app.components.saving import file_name, save_button
from app.components.text import bars, percent
from app.methods.ap.drawing import HEAD_NAMES, STRIDE
from fgcore.methods.ap.detail import APDetail
from fgcore.methods.ap.records import StageMaps
from fgcore.outputs import LEVELS, Pyramid
from fgcore.records import Explanation, FeatureMap, Prediction
from fgcore.report import render

_SIDE = 96  # pixels of a small image, about


@dataclass(frozen=True)
class _Tile:
    """A small image with its shape."""

    source: str  # data address
    shape: str
    alt: str
    under: str = ""  # data address of a strip beneath it


@dataclass(frozen=True)
class _Box:
    """A box of the paper's figure."""

    title: str
    lesson: str
    tiles: Sequence[_Tile] = ()
    content: str = ""  # HTML instead of tiles


def overview(shown: Explanation, truth: str | None) -> None:
    """Both stages and what lies between them.

    Args:
        shown: of an AP-CNN.
        truth: the class that was drawn; None: unknown.
    """
    detail, names = shown.detail, shown.class_names
    pixels, zoomed = shown.view.pixels, detail.zoomed_pixels
    gates = [*detail.stage1.spatial_gates, *detail.stage2.spatial_gates]
    gates += [*detail.stage1.channel_gates, *detail.stage2.channel_gates]
    scale = min(float(gate.min()) for gate in gates), max(float(gate.max()) for gate in gates)
    whole = f"3 × {pixels.shape[0]} × {pixels.shape[1]}"
    starts = (
        _Box("Image", "what the network sees", [_Tile(_photo(pixels), whole, "The image")]),
        _zoomed_box(detail.zoomed, zoomed),
    )
    first, second = (
        [start, *_stage(maps, scale), _heads(heads, names, mean)]
        for start, maps, heads, mean in zip(
            starts, (detail.stage1, detail.stage2), (detail.heads[:4], detail.heads[4:]),
            (detail.stage1_mean, detail.stage2_mean), strict=True,
        )
    )  # fmt: skip
    between = _regions(detail, pixels)
    final = _Box("Prediction", "softmax of the mean of all eight heads",
                 content=bars(shown.prediction, names, truth=truth, count=3))  # fmt: skip
    rows = (
        _row("Stage I: the first pass", first),
        _row("Between them: where to go closer", between, wide=True),
        _row("Stage II: the closer pass, with the same weights", second),
        _row("Both together", [final]),
    )
    st.html(f'<div class="fg-ap-flow">{"".join(rows)}</div>')
    st.caption(
        "Shapes: channels × rows × columns; rows of images: levels 3, 4 and 5, from fine to coarse. "
        "Features: mean over the channels of the absolute value, without unit, each map from dark (its lowest) to "
        f"bright (its highest). Gates: in (0, 1), without unit, all on one scale from {scale[0]:.2f} (dark) to "
        f"{scale[1]:.2f}; the strip beneath a spatial gate is the channel gate of that level. The head of all "
        "levels reads the feature pyramid before the gates. Percentages: probabilities."
    )
    save_button(_images({"stage-1": first, "between": between, "stage-2": second}), stem="ap-cnn-overview")


def _images(rows: Mapping[str, Sequence[_Box]]) -> dict[str, str]:
    """The figure's images, by names that keep their order; the strip of a channel gate is one of its own."""
    shown = {}
    for number, (row, boxes) in enumerate(rows.items(), start=1):
        for place, box in enumerate(boxes, start=1):
            for tile in box.tiles:
                name = file_name(f"{number}-{row}-{place}", tile.alt)
                shown |= {name: tile.source} | ({f"{name}-strip": tile.under} if tile.under else {})
    return shown


def _stage(maps: StageMaps, scale: tuple[float, float]) -> list[_Box]:
    return [
        _Box("Trunk", "three levels of detail", _features(maps.backbone, "Trunk features")),
        _Box("Feature pyramid", "coarse informs fine", _features(maps.features, "Pyramid features")),
        _Box("Attention pyramid", "where, which channels", _gates(maps, scale)),
        _Box("Gated features", "× (where + which)", _features(maps.refined, "Gated features")),
    ]


def _features(maps: Pyramid[FeatureMap], alt: str) -> list[_Tile]:
    return [
        _Tile(_coloured(item.strength, "viridis"), _shape(item.channels, item.strength), f"{alt} of level {level}")
        for level, item in zip(LEVELS, maps, strict=True)
    ]


def _gates(maps: StageMaps, scale: tuple[float, float]) -> list[_Tile]:
    low, high = scale
    return [
        _Tile(
            _coloured(where, style.GATES, low, high),
            f"{_shape(1, where)}<br>{len(which)} × 1 × 1",
            f"Spatial and channel gate of level {level}",
            under=style.png_source(render.colour(which[None].repeat(8, 0), low=low, high=high, palette=style.GATES)),
        )
        for level, where, which in zip(LEVELS, maps.spatial_gates, maps.channel_gates, strict=True)
    ]


def _heads(heads: Sequence[Prediction], names: Sequence[str], mean: Prediction) -> _Box:
    """What the four classifiers of a stage say."""
    rows = [*((HEAD_NAMES[head.name.partition("/")[2]], head) for head in heads), ("mean", mean)]
    items = "".join(
        f"<li><span>{name}</span><b>{html.escape(names[said.best])}</b>"
        f"<span>{html.escape(percent(float(said.probabilities[said.best])))}</span></li>"
        for name, said in rows
    )
    return _Box("Four heads", f"{len(names)} classes each", content=f'<ul class="fg-ap-heads">{items}</ul>')


def _regions(detail: APDetail, pixels: np.ndarray) -> list[_Box]:
    """ROI pyramid and zoom box."""
    rois = [
        _Tile(
            _photo(render.draw_boxes(pixels, boxes, level, scores=False)),
            f"{len(boxes)} of {len(offered.scores)}",
            f"{len(boxes)} ROIs of level {level} on the image",
        )
        for level, boxes, offered in zip(LEVELS, detail.rois, detail.candidates, strict=True)
    ]
    x1, y1, x2, y2 = detail.zoom_cells
    box = tuple(float(STRIDE * cell) for cell in detail.zoom_cells)
    zoom = _Tile(
        _photo(render.draw_zoom(pixels, box)),
        f"{y2 - y1} × {x2 - x1} cells, {detail.zoom_factor:.2f}×",
        "The zoom box",
    )
    return [
        _Box("ROI pyramid", "per level, non-maximum suppression keeps the best of its candidates", rois),
        _Box("Zoom-in", "into the box around all ROIs; in training often one is dropped first", [zoom]),
    ]


def _zoomed_box(zoomed: FeatureMap, pixels: np.ndarray) -> _Box:
    tiles = [
        _Tile(
            _coloured(zoomed.strength, "viridis"),
            _shape(zoomed.channels, zoomed.strength),
            "Zoomed features of level 3",
        ),
        _Tile(_photo(pixels), "for the eye", "The same crop of the image"),
    ]
    return _Box("Zoomed level 3", "cut out of the features", tiles)


def _row(title: str, boxes: Sequence[_Box], *, wide: bool = False) -> str:
    """Boxes with arrows between them; in a wide row each box lays its images side by side."""
    kind = "fg-ap-row fg-ap-wide" if wide else "fg-ap-row"
    return f'<div class="{kind}"><h5>{title}</h5><div>{"".join(map(_figure, boxes))}</div></div>'


def _figure(box: _Box) -> str:
    tiles = "".join(
        f'<div><img src="{tile.source}" alt="{html.escape(tile.alt)}">'
        + (f'<img class="fg-ap-strip" src="{tile.under}" alt="">' if tile.under else "")
        + f"<small>{tile.shape}</small></div>"
        for tile in box.tiles
    )
    return (
        f'<div class="fg-ap-box"><p><b>{box.title}</b><br>{box.lesson}</p>'
        f'<div class="fg-ap-tiles">{tiles}{box.content}</div></div>'
    )


def _photo(pixels: np.ndarray) -> str:
    return style.jpeg_source(pixels, side=2 * _SIDE)


def _coloured(values: np.ndarray, palette: str, low: float | None = None, high: float | None = None) -> str:
    factor = max(1, round(2 * _SIDE / max(values.shape)))
    cells = render.colour(values, low=low, high=high, palette=palette)
    return style.png_source(cells.repeat(factor, 0).repeat(factor, 1))


def _shape(channels: int, values: np.ndarray) -> str:
    return f"{channels} × {values.shape[0]} × {values.shape[1]}"
