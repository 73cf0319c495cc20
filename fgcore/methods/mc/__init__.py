"""fgcore.methods.mc."""
