"""What pages are made of: the sidebar's pickers, cards, and the sections of a method."""
