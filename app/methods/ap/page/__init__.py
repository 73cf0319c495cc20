"""AP-CNN's own page: one network from its first pass to its second, and what if."""
