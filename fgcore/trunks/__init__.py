"""fgcore.trunks."""
