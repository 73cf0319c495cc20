"""MC-Loss: every class owns a group of channels, each discriminative, all at different places; see README.md."""

from fgcore.methods.base import Loss, Method
from fgcore.methods.mc import losses, network, presets
from fgcore.methods.mc.detail import detail
from fgcore.methods.mc.film import FILM
from fgcore.methods.mc.importers import import_mc
from fgcore.methods.mc.measure import MAPS, MEASURES, measure
from fgcore.methods.mc.plan import facts
from fgcore.methods.mc.settings import MCLossSettings, MCSettings

MC_LOSS = Loss("mc", "Cross-entropy and MC-Loss", MCLossSettings, losses.build, needs="group_sizes")

MC = Method(
    name="mc",
    title="MC-Loss",
    summary="Every class owns a group of channels that recognise it, each at another place.",
    settings=MCSettings,
    build=network.build,
    loss=MC_LOSS.name,
    detail=detail,
    film=FILM,
    offers=("group_sizes",),
    measure=measure,
    maps=MAPS,
    measures=MEASURES,
    presets=presets.PRESETS,
    importers=(import_mc,),
    plan=facts,
)
