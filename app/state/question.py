"""What is asked of the models: a class, the one beside it, and which draw of training's chance is shown."""

from typing import Any

CLASS = "class"  # str, link: the class in question, or FIRST_CHOICE
RIVAL = "rival"  # str, link: the class beside it, or SECOND_CHOICE
FIRST_CHOICE = "each model's first choice"
SECOND_CHOICE = "the second choice"

MASK_SEED = "mask_seed"  # int: draw of the channel mask; no widget owns it
DROP_SEED = "drop_seed"  # int: draw of the dropblock; nor this
DEFAULTS: dict[str, Any] = {MASK_SEED: 0, DROP_SEED: 0}
