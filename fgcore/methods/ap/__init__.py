"""AP-CNN: an attention pyramid, ROIs from its gates, and a second pass on what they show; see README.md."""

from fgcore.methods.ap import guide, network, presets
from fgcore.methods.ap.convert import import_authors
from fgcore.methods.ap.detail import detail
from fgcore.methods.ap.film import FILM
from fgcore.methods.ap.measure import MAPS, MEASURES, measure
from fgcore.methods.ap.settings import APSettings, GuideSettings
from fgcore.methods.ap.what_if import what_if
from fgcore.methods.base import Loss, Method
from fgcore.methods.baseline import CROSS_ENTROPY

GUIDED = Loss("ap_guided", "Cross-entropies, gates on the evidence", GuideSettings, guide.build, needs="spatial_gates")

AP = Method(
    name="ap",
    title="AP-CNN",
    summary="An attention pyramid finds regions, and a second pass looks at them again.",
    settings=APSettings,
    build=network.build,
    loss=CROSS_ENTROPY.name,
    detail=detail,
    film=FILM,
    offers=("spatial_gates",),
    measure=measure,
    maps=MAPS,
    measures=MEASURES,
    what_if=what_if,
    presets=presets.PRESETS,
    importers=(import_authors,),
)
