"""Named experiments: functions whose docstrings state source, command, time and accuracy.

Demo presets (`*_cub50`, `*_cars196`, `*_birds`, `*_cars`) finish on two cores. The authors' recipes (`ap_resnet50_*`,
`mc_vgg16_*`, `mc_resnet*`) want a GPU and the full data sets.
"""

from collections.abc import Callable

from fgcore.config import Experiment
from fgcore.presets import authors, demo, first

PRESETS: dict[str, Callable[[], Experiment]] = {
    preset.__name__: preset
    for preset in (
        first.mc_birds_first,
        demo.baseline_cub50,
        demo.mc_cub50,
        demo.ap_cub50,
        demo.baseline_cars196,
        demo.mc_cars196,
        demo.ap_cars196,
        demo.baseline_birds,
        demo.mc_birds,
        demo.ap_birds,
        demo.baseline_cars,
        demo.mc_cars,
        demo.ap_cars,
        authors.ap_resnet50_cub,
        authors.ap_resnet50_cars,
        authors.ap_resnet50_aircraft,
        authors.mc_vgg16_cub_scratch,
        authors.mc_vgg16_cars_scratch,
        authors.mc_resnet18_cub_scratch,
        authors.mc_resnet18_cars_scratch,
        authors.mc_resnet50_cub,
        authors.mc_resnet50_cars,
    )
}


def get(name: str) -> Experiment:
    """The experiment called `name`.

    Raises:
        ValueError: an unknown name.
    """
    if name not in PRESETS:
        raise ValueError(f"no preset is called {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]()
