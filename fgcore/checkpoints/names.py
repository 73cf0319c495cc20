"""Short names for checkpoints that stand side by side."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

_NAMELESS = ("best", "last", "checkpoint", "model", "model_best", "checkpoint_best")  # what tells nothing by itself


def short_names(paths: Sequence[Path]) -> list[str]:
    """A name for each file, all different: its stem, with its folder in front where that tells nothing or is not alone.

    Raises:
        ValueError: none, or one file twice.
    """
    if not paths:
        raise ValueError("expected at least one checkpoint, got none")
    places = [path.absolute() for path in paths]
    if twice := next((path for path, count in Counter(places).items() if count > 1), None):
        raise ValueError(f"expected different checkpoints, got {twice.name} twice; name each once")
    names = [path.stem for path in places]
    for depth in range(2, 2 + max(len(path.parts) for path in places)):
        counts = Counter(names)
        unclear = [n in _NAMELESS or counts[n] > 1 for n in names]
        if not any(unclear):
            break
        names = [
            "-".join([*path.parts[-depth:-1], path.stem]) if again else name
            for path, name, again in zip(places, names, unclear, strict=True)
        ]
    return names
