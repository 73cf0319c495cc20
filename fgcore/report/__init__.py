"""fgcore.report."""
