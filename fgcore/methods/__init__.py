"""fgcore.methods."""
