"""fgcore.machine."""
