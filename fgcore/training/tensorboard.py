"""The reports of a run as TensorBoard event files."""

from pathlib import Path

from fgcore.runs.reports import EpochReport, StepReport


class Board:
    """Writes what training reports; steps are counted over the whole run.

    | tag | what |
    |---|---|
    | `step/TERM`, `step/top1`, `step/images_per_second` | means since the last report |
    | `epoch/TERM`, `epoch/top1` | means over the epoch, on training images |
    | `test/top1`, `test/top5`, `test/HEAD` | shares of the test images, after each epoch |
    | `learning_rate/GROUP` | at the epoch's end |
    """

    def __init__(self, folder: Path, steps: int) -> None:
        """Open new event files in `folder`.

        Args:
            folder: made where it is missing.
            steps: done before, in whole epochs; what older files hold beyond them is hidden.

        Raises:
            ValueError: the package tensorboard is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ValueError(
                "tensorboard=true needs the package tensorboard, which is not installed: run `pip install tensorboard`"
            ) from error
        self.writer = SummaryWriter(str(folder), purge_step=steps + 1 if steps else None)
        self.steps = 0  # of an epoch

    def step(self, report: StepReport) -> None:
        """Write a report within an epoch."""
        self.steps = report.steps
        now = (report.epoch - 1) * report.steps + report.step
        values = report.terms | {"top1": report.top1, "images_per_second": report.images_per_second}
        self._write("step", values, now)

    def epoch(self, report: EpochReport) -> None:
        """Write an epoch's report."""
        now = report.epoch * self.steps
        self._write("epoch", report.terms | {"top1": report.train_top1}, now)
        heads = {head.name: head.top1 for head in report.test.heads[:-1]}
        self._write("test", {"top1": report.test.top1, "top5": report.test.top5} | heads, now)
        self._write("learning_rate", report.learning_rates, now)
        self.writer.flush()

    def close(self) -> None:
        """Finish the files."""
        self.writer.close()

    def _write(self, group: str, values: dict[str, float], now: int) -> None:
        for name, value in values.items():
            self.writer.add_scalar(f"{group}/{name}", value, now)
