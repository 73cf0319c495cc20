"""fgcore.training."""
