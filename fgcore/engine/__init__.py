"""Training, evaluation and checkpoints: everything that runs a model, nothing that shows it."""
