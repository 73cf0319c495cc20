"""How the baseline is shown: by Grad-CAM, like everything."""

from app.methods.base import Film, View
from app.methods.baseline.lesson import STEPS
from fgcore.methods.baseline import BASELINE as METHOD

BASELINE = View(
    METHOD.name,
    film=Film(
        lesson="Grad-CAM of the right class on a few test images after every epoch. Play it, or drag the slider.",
        note=lambda strip: "Each map is stretched to 0 – 1 on its own: compare places, not strengths.",
    ),
    steps=STEPS,
)
