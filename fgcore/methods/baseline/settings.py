"""What can be set of the baseline's network."""

from typing import Annotated

from fgcore.config import between, settings


@settings
class BaselineSettings:
    """The head's place and pooling."""

    level: Annotated[int, between(4, 5)] = 5  # pyramid level (stride 2^level) that the head reads
    head_pool: Annotated[int, between(1, 14)] = 1  # side of the max-pooled map that enters the dense head
