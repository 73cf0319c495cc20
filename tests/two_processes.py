"""What two processes do together, for `test_training_distributed.py`; each writes what it saw to FOLDER/RANK.json.

torchrun --nproc-per-node 2 tests/two_processes.py PICTURES FOLDER
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from fgcore import presets
from fgcore.__main__ import main
from fgcore.data import datasets
from fgcore.evaluation.evaluation import evaluate
from fgcore.machine import distributed
from fgcore.methods import build_model
from fgcore.training import loop, sync_norm
from training_helpers import SHARED, float64, shared_run, tiny


def without_times(report):
    values = report.to_dict()
    return values | {"seconds": 0, "test": values["test"] | {"seconds": 0}}


def train_all(pictures, folder):
    """Every shared run; what this process was told of it."""
    seen = {}
    with float64():
        for name in SHARED:
            reports = loop.train(shared_run(pictures, name), folder / name, device="cpu")
            seen[name] = [without_times(report) for report in reports]
    return seen


def score(pictures):
    """An untrained model's evaluation in uneven shares, and what this process did of it."""
    experiment = loop.settled(tiny(pictures), 3)
    torch.manual_seed(0)
    model, done = build_model(experiment.model).eval(), []
    images = datasets.load(experiment.data).test
    result = evaluate(model, images, experiment.data, batch_size=4, on_batch=done.append)
    return {**result.to_dict(), "seconds": 0, "done": done}


def fail(failing):
    """What happens here when the process `failing` has an error of its own."""
    try:
        with distributed.together():
            if distributed.rank() == failing:
                raise ValueError("my own error")
    except (ValueError, distributed.Stopped) as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def averaged():
    """Running mean and variance after two processes with 0 and 1, and with 1 and 3, are averaged."""
    norm = torch.nn.BatchNorm1d(1)
    norm.running_mean.fill_(distributed.rank())
    norm.running_var.fill_(1 + 2 * distributed.rank())
    sync_norm.average_statistics(norm)
    return [norm.running_mean.item(), norm.running_var.item()]


def command_line(*arguments):
    """Exit code and output of the program itself."""
    out, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
        code = main([str(argument) for argument in arguments])
    return {"code": code, "out": out.getvalue(), "errors": errors.getvalue()}


def resume(pictures, folder):
    """A run given up after its first epoch, and continued by the command line."""
    reports = loop.train(shared_run(pictures, "mc, a mask per image"), folder, device="cpu")
    next(reports)
    reports.close()
    presets.PRESETS["tiny"] = lambda: shared_run(pictures, "mc, a mask per image")
    return command_line("train", "tiny", "--out", folder, "--device", "cpu", "--resume")


def everything(pictures, folder):
    torch.set_num_threads(1)
    with distributed.joined("cpu"):  # once: torchrun's store would give a second group the first one's addresses
        rank = distributed.rank()
        seen = {
            "launcher": distributed.launcher(),
            "trained": train_all(pictures, folder),
            "score": score(pictures),
            "failed": fail(1),
            "gathered": distributed.gather(rank),
            "averaged": averaged(),
            "from main": distributed.from_main(f"from {rank}"),
            "resumed": resume(pictures, folder / "resumed"),
            "again": command_line("train", "tiny", "--out", folder / "resumed", "--device", "cpu"),
            "unknown": command_line("train", "nothing", "--device", "cpu"),
        }
    (folder / f"{rank}.json").write_text(json.dumps(seen))


if __name__ == "__main__":
    everything(Path(sys.argv[1]), Path(sys.argv[2]))
