"""How MC-Loss is shown: a class and its channels."""

from app.methods.base import FirstRun, OwnMap, Page, View
from app.methods.mc.film import FILM
from app.methods.mc.form import form
from app.methods.mc.lesson import STEPS
from app.methods.mc.page.show import show
from app.methods.mc.section import section
from fgcore.methods.mc import MC as METHOD

MC = View(
    METHOD.name,
    section=section,
    page=Page("mc-loss", METHOD.title, show),
    maps={"ccmp": OwnMap("CCMP, the strongest of the class's own channels at each place", "activation, no unit")},
    film=FILM,
    form=form,
    steps=STEPS,
    first_run=FirstRun(
        "mc_birds_first",
        f"A first run: {METHOD.title} from scratch on drawn birds",
        f"{METHOD.title} from scratch on nine birds that the program draws, three look-alikes of three kinds. It needs "
        "no download, takes a few minutes, and you see the channels of each class part.",
    ),
)
