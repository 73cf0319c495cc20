"""How the app shows the methods: one folder each, one line each here.

A package of its own can bring further ones: it names an `app.methods.base.View` as an entry point of the group
"finegrain_lens.views". A method without a view is shown by `app.methods.generic`.
"""

from importlib.metadata import entry_points

from app.methods import generic
from app.methods.ap import AP
from app.methods.base import FirstRun, View
from app.methods.baseline import BASELINE
from app.methods.mc import MC

_BROUGHT = [point.load() for point in entry_points(group="finegrain_lens.views")]
VIEWS: dict[str, View] = {view.method: view for view in (BASELINE, MC, AP, *_BROUGHT)}


def first_run() -> FirstRun | None:
    """What a first-time visitor trains; None where no method offers any."""
    return next((view.first_run for view in VIEWS.values() if view.first_run), None)


def view_of(method: str) -> View:
    """How to show a method, with what its view leaves out filled in."""
    return generic.completed(VIEWS.get(method, View(method)))
