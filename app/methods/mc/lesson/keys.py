"""What was set in MC-Loss's steps: keys of their widgets."""

OWNER = "lesson_owner"  # int: class whose group is shown
MASK = "lesson_mask"  # int: training step whose mask is drawn
STACK = "lesson_stack"  # int: channels on the stack
TARGET = "lesson_target"  # int: the class supposed to be true
BOARD = "lesson_board"  # the board of three blobs, a component
TERMS = "lesson_terms"  # int: training step whose loss is added up
