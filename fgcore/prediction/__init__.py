"""Many images, several models: what each says of each, as one table."""
