"""MC-Loss's steps of the lesson."""

from app.methods.mc.lesson import groups, losses

STEPS = (*groups.STEPS, *losses.STEPS)
