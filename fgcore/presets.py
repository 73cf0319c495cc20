"""Named experiments: functions whose docstrings state source, command, time and accuracy.

They lie in the methods' folders, `fgcore/methods/<name>/presets.py`. Demo presets (`*_cub50`, `*_cars196`, `*_birds`,
`*_cars`) finish on two cores; the authors' recipes want a GPU and the full data sets.
"""

from collections.abc import Callable

from fgcore.config import Experiment
from fgcore.methods import METHODS

PRESETS: dict[str, Callable[[], Experiment]] = {
    preset.__name__: preset for method in METHODS.values() for preset in method.presets
}


def get(name: str) -> Experiment:
    """The experiment called `name`.

    Raises:
        ValueError: an unknown name.
    """
    if name not in PRESETS:
        raise ValueError(f"no preset is called {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]()
