"""How AP-CNN is shown: its gates, regions and two passes."""

from app.charts import style
from app.methods.ap.film import FILM
from app.methods.ap.lesson import STEPS
from app.methods.ap.page.show import show
from app.methods.ap.section import section
from app.methods.base import OwnMap, Page, View
from fgcore.methods.ap import AP as METHOD
from fgcore.outputs import LEVELS

_GATES = {f"gate{level}": OwnMap(f"spatial gate {level} of stage I", palette=style.GATES) for level in LEVELS}

AP = View(
    METHOD.name,
    section=section,
    of_class=False,
    page=Page("ap-cnn", METHOD.title, show),
    maps={"rois": OwnMap("how many of its regions cover a place", "ROIs per cell", style.GATES), **_GATES},
    film=FILM,
    steps=STEPS,
)
