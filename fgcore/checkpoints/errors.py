"""What is said of a file that is no usable checkpoint."""


class CheckpointError(ValueError):
    """A file that is no usable checkpoint; the message is one sentence for its owner."""
