"""The lesson: where the learner is, and what was set in its steps."""

from typing import Any

STEP = "step"  # int, link: 1 ..
GUESS = "lesson_guess"  # str: which bird is the odd one
PICTURE = "lesson_image"  # int: another drawing of the lesson's bird
OWNER = "lesson_owner"  # int: class whose group is shown
MASK = "lesson_mask"  # int: training step whose mask is drawn
STACK = "lesson_stack"  # int: channels on the stack
TARGET = "lesson_target"  # int: the class supposed to be true
BOARD = "lesson_board"  # the board of three blobs, a component
TERMS = "lesson_terms"  # int: training step whose loss is added up
LEVEL = "lesson_level"  # int: pyramid level
GATE = "lesson_gate"  # int: pyramid level whose gates are shown
OVERLAP = "lesson_overlap"  # float: IoU up to which two ROIs may overlap
DROP = "lesson_drop"  # int: training step whose dropblock is drawn
ZOOM = "lesson_zoom"  # list of int: pyramid levels whose ROIs count
PASS = "lesson_pass"  # str: whose answer is shown

DEFAULTS: dict[str, Any] = {}  # widgets own all of them
