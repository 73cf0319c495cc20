"""fgcore.methods.ap."""
