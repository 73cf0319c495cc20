"""The guided lesson: a step is one sentence, one live image, one control and the code that computed it."""
