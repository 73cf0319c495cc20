"""The Checkpoints page: a card for each, and bringing one."""
