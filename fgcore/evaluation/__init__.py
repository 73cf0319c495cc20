"""fgcore.evaluation."""
