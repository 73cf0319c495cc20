"""FineGrain Lens in the browser. It lays out what `fgcore` returns; Streamlit is imported here and nowhere else."""
