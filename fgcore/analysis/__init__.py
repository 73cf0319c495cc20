"""Where models look, over a whole data set: `run.analyse` makes tables, `tables` and `summary` read them."""
