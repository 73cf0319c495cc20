"""What was set in AP-CNN's steps: keys of their widgets."""

LEVEL = "lesson_level"  # int: pyramid level
GATE = "lesson_gate"  # int: pyramid level whose gates are shown
OVERLAP = "lesson_overlap"  # float: IoU up to which two ROIs may overlap
DROP = "lesson_drop"  # int: training step whose dropblock is drawn
ZOOM = "lesson_zoom"  # list of int: pyramid levels whose ROIs count
PASS = "lesson_pass"  # str: whose answer is shown
