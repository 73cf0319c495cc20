"""Learning what trained models answer instead of the labels: knowledge distillation.

A picture's label says one class; the teachers' mean answer also says which others it resembles. Several teachers of
one size teach a student of that size more than each of them knows, and a large one can teach one small enough for an
app.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fgcore.config import Experiment
from fgcore.engine import checkpoint, runtime


class Teachers:
    """Trained models whose mean answer is learnt.

    Attributes:
        origins: name and sha256 of each checkpoint, for provenance.
    """

    def __init__(self, student: Experiment, class_names: Sequence[str], device: torch.device) -> None:
        """Load the teachers that `student` names.

        Args:
            student: its `teachers`, at least one, and `teacher_temperature`. The teachers see its pictures, so theirs
                must have had the same size and normalisation.
            class_names: of the student; theirs must be the same, in the same order.
            device: where they answer.

        Raises:
            FileNotFoundError: no such file.
            CheckpointError: a file that is no checkpoint of this program.
            ValueError: a temperature that is not above 0; a teacher of other classes or for other pictures, by name.
        """
        if not student.teacher_temperature > 0:
            raise ValueError(
                f"teacher_temperature should be above 0, got {student.teacher_temperature}; 1 leaves it out"
            )
        self._temperature = student.teacher_temperature
        self.origins: list[dict[str, str]] = []
        self._models: list[nn.Module] = []
        for path in student.teachers:
            model, origin = checkpoint.load(path)
            name, theirs = origin.path.name, origin.experiment.data
            if origin.class_names != tuple(class_names):
                raise ValueError(
                    f"teacher {name} knows {len(origin.class_names)} classes from {origin.class_names[0]!r} on, the "
                    f"data has {len(class_names)} from {class_names[0]!r} on; choose one trained on the same classes"
                )
            for setting in ("crop", "normalise"):
                mine, its = getattr(student.data, setting), getattr(theirs, setting)
                if mine != its:
                    raise ValueError(
                        f"teacher {name} was trained with data.{setting}={its}, this run has {mine}; choose the same, "
                        "since both see the same pictures"
                    )
            self._models.append(runtime.place(model, device).eval().requires_grad_(False))
            self.origins.append({"file": name, "sha256": origin.sha256})

    @torch.no_grad()
    def __call__(self, inputs: Tensor, precision: str) -> Tensor:
        """The mean of their probabilities at the temperature, float32.

        Args:
            inputs: (B, 3, H, W), as the student sees them.
            precision: "fp32" or "bf16".

        Returns:
            (B, K), rows sum to one.

        Source: Hinton et al., 2015; the same augmented view for teacher and student as in Beyer et al., CVPR 2022.
        """
        with runtime.autocast(precision, inputs.device):
            logits = [model(inputs).logits for model in self._models]
        return torch.stack([(answer.float() / self._temperature).softmax(dim=1) for answer in logits]).mean(0)
