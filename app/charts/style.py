"""What all figures share: colours that colour-blind readers tell apart, opacity sliders, the bar of tools."""

import base64
import functools
import html
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from PIL import Image
from plotly.colors import get_colorscale, sample_colorscale

CAM, CHANNELS, GATES, DROPPED = "magma", "viridis", "cividis", "greys"  # one palette for each kind of map
LEVEL_COLOURS = {3: "#56b4e9", 4: "#e69f00", 5: "#cc79a7"}  # Okabe and Ito
ZOOM_COLOUR = "#f0e442"
WINNERS = "winners"  # palette of whole numbers 0, 1, ...; the last is everything else
WINNER_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#f0e442", "#d55e00", "#b3b8ba")  # Okabe and Ito, grey
MUTED = "#808a8e"  # legible on light and on dark
STEPS = (0.0, 0.25, 0.5, 0.75, 1.0)  # opacities that the slider offers
START = 4  # its first position

CONFIG: dict[str, Any] = {  # of every chart: download as PNG, zoom, pan, reset, full screen
    "displaylogo": False,
    "modeBarButtonsToRemove": ["lasso2d", "select2d", "zoomIn2d", "zoomOut2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "png", "scale": 2},
}

Colourscale = tuple[tuple[float, str], ...]


@functools.lru_cache(maxsize=32)
def colourscale(palette: str, *, fading: bool = False) -> Colourscale:
    """A palette for plotly; `fading` makes low values transparent, so that the image beneath stays in sight."""
    if palette == WINNERS:
        edges = np.linspace(0, 1, len(WINNER_COLOURS) + 1).repeat(2)[1:-1]  # a step for each colour
        return tuple((float(edge), WINNER_COLOURS[number // 2]) for number, edge in enumerate(edges))
    stops = np.linspace(0, 1, 17)
    colours = sample_colorscale(get_colorscale(palette), stops.tolist())
    alphas = 0.95 * stops**0.7 if fading else np.ones_like(stops)
    return tuple(
        (float(stop), colour.replace("rgb(", "rgba(").replace(")", f", {alpha:.3f})"))
        for stop, colour, alpha in zip(stops, colours, alphas, strict=True)
    )


def plain_html(text: str) -> str:
    """A stranger's words in a figure: plotly reads a little HTML in texts and titles."""
    return html.escape(text, quote=False)


def jpeg_source(pixels: np.ndarray, side: int | None = None) -> str:
    """The image as a data address for plotly, made smaller to `side` pixels if given."""
    image = Image.fromarray(pixels)
    if side is not None:
        image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def png_source(pixels: np.ndarray) -> str:
    """An image as a data address, every pixel as it is; (H, W, 3) or (H, W, 4) uint8; (H, W, 2): grey, opacity."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def opacity_slider(figure: go.Figure, palettes: Mapping[int, str], *, depth: float) -> None:
    """Let the reader fade the maps without asking the server.

    The last step, "map alone", is opaque everywhere; the others let low values fade into the image.

    Args:
        figure: gets the slider below its plots.
        palettes: trace number -> the palette of that map.
        depth: room below the plots for it, pixels.
    """
    traces = list(palettes)
    scales = {
        fading: [colourscale(palette, fading=fading) for palette in palettes.values()] for fading in (True, False)
    }
    choices = [(f"{share:.0%}".replace("%", " %"), share, True) for share in STEPS] + [("map alone", 1.0, False)]
    steps = [
        {
            "label": label,
            "method": "restyle",
            "args": [{"opacity": [share] * len(traces), "colorscale": scales[fading]}, traces],
        }
        for label, share, fading in choices
    ]
    figure.update_layout(sliders=[slider(steps, active=START, prefix="Map over image: ", width=220)], margin_b=depth)


def slider(steps: Sequence[Mapping[str, Any]], *, active: int, prefix: str, width: int) -> dict[str, Any]:
    """A client-side slider below the plots in the page's looks.

    Args:
        steps: plotly's slider steps; the label of the current one is shown after `prefix`.
        active: the first position.
        prefix: see `steps`.
        width: pixels.
    """
    return {
        "steps": list(steps),
        "active": active,
        "currentvalue": {"prefix": prefix, "font": {"size": 12, "color": MUTED}, "offset": 4},
        "font": {"size": 1, "color": "rgba(0,0,0,0)"},  # the current value says it; labels of steps would crowd
        "ticklen": 0,
        "minorticklen": 0,
        "len": width,
        "lenmode": "pixels",
        "x": 0,
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 8, "b": 0, "l": 8, "r": 8},
        "bgcolor": "rgba(128, 138, 142, 0.35)",
        "activebgcolor": "#2a93ab",
        "bordercolor": "rgba(128, 138, 142, 0.6)",
        "borderwidth": 1,
    }
