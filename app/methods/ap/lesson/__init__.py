"""AP-CNN's steps of the lesson."""

from app.methods.ap.lesson import levels, second_pass

STEPS = (*levels.STEPS, *second_pass.STEPS)
