"""MC-Loss's own page: one network on one image, from the channels of a class to the loss."""
