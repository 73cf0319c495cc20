"""fgcore.checkpoints."""
