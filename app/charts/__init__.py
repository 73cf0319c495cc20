"""Arrays to plotly figures. Nothing is computed here: what is drawn is what `fgcore` returned."""
