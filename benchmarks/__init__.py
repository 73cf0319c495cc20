"""What is timed against what: `python -m benchmarks`, or one of its parts by name."""
