"""The Inspect page: what every method shows, and what a visitor takes home."""
