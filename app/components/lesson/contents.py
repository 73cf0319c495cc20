"""The steps of the lesson, in order."""

from app.components.lesson import groups, levels, mc_losses, problem, second_look
from app.components.lesson.step import Step

STEPS: tuple[Step, ...] = (*problem.STEPS, *groups.STEPS, *mc_losses.STEPS, *levels.STEPS, *second_look.STEPS)
