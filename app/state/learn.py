"""The lesson: where the learner is, and the guess of its first step; methods keep what is set in theirs."""

from typing import Any

STEP = "step"  # int, link: 1 ..
GUESS = "lesson_guess"  # str: which bird is the odd one

DEFAULTS: dict[str, Any] = {}  # widgets own both
