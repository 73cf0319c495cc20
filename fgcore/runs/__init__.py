"""fgcore.runs."""
