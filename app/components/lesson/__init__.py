"""The guided lesson: a step is one sentence, one live picture, one control and the code that computed it."""
