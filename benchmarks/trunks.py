"""Every architecture of timm that states strides 8, 16 and 32, tried as the trunk of every method.

Built with random weights, it explains one image at its smallest side; saved and read again, it must give the same
numbers, bit for bit. What does not fit must be refused in a sentence. Takes hours, and goes on where it was stopped.
"""

import gc
import json
import multiprocessing
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from torch import nn

from fgcore.checkpoints import checkpoint
from fgcore.config import DataConfig, Experiment, ModelConfig
from fgcore.data import transforms
from fgcore.inspection.inspector import Inspector, Loaded
from fgcore.methods import METHODS, build_model
from fgcore.methods.ap.settings import APSettings
from fgcore.methods.mc.settings import MCSettings
from fgcore.outputs import LEVELS
from fgcore.trunks import build_trunk, normalisation

SIDES = (*range(32, 257, 32), 288, 320, 384)  # pixels, tried in this order
SECONDS = 900  # for one architecture
CLASSES = ("a", "b", "c", "d")
FITTING = Path(__file__).resolve().parent.parent / "fgcore" / "trunks" / "timm_names.txt"  # written at the end
_JOURNAL = Path(__file__).with_name("results") / "trunks.jsonl"  # a line for each architecture; gone at the end
_TASKS = 25  # of one process, which gives its memory back then
_BYTES = 14  # of memory for a weight: the network, its copies while a file is written, and some of the activations
_REFUSED, _FAILED, _LARGE = "refused: ", "failed: ", "too large: "  # how anything but success begins


def measure(device: torch.device, repeats: int) -> list[dict]:
    """All rows of this part; device and repeats mean nothing here."""
    import timm

    outcomes = [*_outcomes(timm.list_models(), _JOURNAL)]
    rows = rows_of(outcomes)
    FITTING.write_text("\n".join(fitting(outcomes)) + "\n", encoding="utf-8")
    _JOURNAL.unlink(missing_ok=True)
    return rows


def rows_of(outcomes: list[dict]) -> list[dict]:
    """Counts, and the sentence of everything that does not work."""
    tried = [outcome for outcome in outcomes if outcome["stated"]]
    good = [o for o in tried if not any(o["methods"].values())]
    rows = [_row("Architectures of timm that work as trunk of every method", len(good), tried)]
    for method in METHODS:
        problems = {o["name"]: o["methods"][method] for o in tried if o["methods"][method]}
        row = _row(
            f"Architectures of timm that work as trunk: {METHODS[method].title}", len(tried) - len(problems), tried
        )
        kinds = Counter(text.partition(":")[0] for text in problems.values())
        rows.append(row | {"others": dict(kinds), "why": problems})
    sides = Counter(outcome["side"] for outcome in good)
    return [
        *rows,
        _row("of these at 32 or 64 pixels", sides[32] + sides[64], tried) | {"sides": dict(sorted(sides.items()))},
    ]


def _row(what: str, count: int, tried: list[dict]) -> dict:
    return {"what": what, "count": count, "meaning": f"of {len(tried)} that state strides 8, 16 and 32"}


def fitting(outcomes: list[dict]) -> list[str]:
    """Names of architectures that work with at least one method, or would with more memory; for `trunks.timm_trunk`."""
    tried = [outcome for outcome in outcomes if outcome["stated"]]
    return [o["name"] for o in tried if any(not text or text.startswith(_LARGE) for text in o["methods"].values())]


def _outcomes(names: list[str], journal: Path) -> Iterator[dict]:
    """What `try_out` says of each name, from the journal where it is there."""
    lines = journal.read_text(encoding="utf-8").splitlines() if journal.is_file() else []
    known = {outcome["name"]: outcome for outcome in map(json.loads, lines)}
    pool = _pool()
    with journal.open("a", encoding="utf-8") as file:
        for name in names:
            if name not in known:
                try:
                    known[name] = pool.apply_async(try_out, (name,)).get(SECONDS)
                except multiprocessing.TimeoutError:
                    pool.terminate()
                    pool, said = _pool(), f"{_FAILED}took longer than {SECONDS} seconds, or its process died"
                    known[name] = {"name": name, "stated": True, "side": 0, "methods": dict.fromkeys(METHODS, said)}
                file.write(json.dumps(known[name]) + "\n")
                file.flush()
            yield known[name]
    pool.terminate()


def _pool() -> Pool:
    return multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=_TASKS)


def try_out(name: str) -> dict[str, Any]:
    """One architecture.

    Returns:
        name; stated: whether it says it has the strides; and if so side: the smallest that it takes, pixels; methods:
        method -> "" if all went well, else why not; million_weights; signed; splits; seconds.
    """
    began = time.perf_counter()
    warnings.simplefilter("ignore")
    outcome: dict[str, Any] = {"name": name, "stated": states_the_strides(name)}
    if not outcome["stated"]:
        return outcome
    outcome |= {"side": 0, "methods": dict.fromkeys(METHODS, "")}
    problem = _problem(lambda: outcome.update(_facts(f"timm:{name}")))
    if not problem and outcome["side"] == 0:
        problem = f"{_FAILED}takes no side of {SIDES}"
    for method in METHODS:
        outcome["methods"][method] = problem or _problem(lambda method=method: _round_trip(method, outcome))
        if outcome.get("million_weights", 0) > 50:
            gc.collect()
    return outcome | {"seconds": round(time.perf_counter() - began, 1)}


def states_the_strides(name: str) -> bool:
    """Whether timm's own description of the feature maps has strides 8, 16 and 32."""
    import timm

    for place in ("meta", "cpu"):
        try:
            with torch.device(place):
                return {8, 16, 32} <= set(timm.create_model(name, features_only=True).feature_info.reduction())
        except (RuntimeError, NotImplementedError):  # it computes with its weights while it is built
            continue
        except Exception:  # no feature maps at all
            break
    return False


def _problem(attempt: Callable[[], object]) -> str:
    """Why it did not go well; ""."""
    try:
        attempt()
    except _TooLargeError as error:
        return f"{_LARGE}{error}"
    except ValueError as error:
        return f"{_REFUSED}{error}"
    except Exception as error:  # of any kind, and each is a fault
        return f"{_FAILED}{type(error).__name__}: {str(error)[:300]}"
    return ""


class _TooLargeError(Exception):
    """For this machine's memory."""


def _facts(trunk: str) -> dict[str, Any]:
    with torch.device("meta"):
        weights = sum(parameter.numel() for parameter in build_trunk(trunk).parameters())
    if _BYTES * weights > psutil.virtual_memory().available:
        raise _TooLargeError(f"{weights / 1e6:.0f} million weights take about {_BYTES * weights / 1e9:.0f} GB")
    network = build_trunk(trunk).eval()
    facts = {"million_weights": round(weights / 1e6, 2), "signed": network.signed, "splits": network.splits}
    return facts | {"side": network.size or _smallest_side(network)}


def _smallest_side(network: nn.Module) -> int:
    for side in SIDES:
        try:
            with torch.no_grad():
                levels = network(torch.zeros(1, 3, side, side))
        except Exception:  # its own way to say that an image is too small
            continue
        if [tuple(level.shape[-2:]) for level in levels] == [(side >> n, side >> n) for n in LEVELS]:
            return side
    return 0


def _round_trip(method: str, facts: dict[str, Any]) -> None:
    """Build, explain, save, read, explain.

    Raises:
        ValueError: the network is refused.
        AssertionError: numbers that are not finite, or that changed.
    """
    experiment = _experiment(method, f"timm:{facts['name']}", facts["side"], facts.get("signed", False))
    torch.manual_seed(0)
    model = build_model(experiment.model).eval()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        checkpoint.save(path, model, experiment, CLASSES, {}, {}, half=False)
        before = _answers(Loaded(model.requires_grad_(False), checkpoint.read_metadata(path)))
        del model
        after = _answers(Inspector(path).loaded)
    for name, values in before.items():
        if not np.isfinite(values).all():
            raise AssertionError(f"{name} not finite")
        if not np.array_equal(values, after[name]):
            raise AssertionError(f"{name} changed by saving and reading")


def _experiment(method: str, trunk: str, side: int, signed: bool) -> Experiment:
    own = {"mc": MCSettings(groups="conv" if signed else "trunk"), "ap": APSettings(pyramid_channels=16)}
    model = ModelConfig(method, trunk, num_classes=len(CLASSES), hidden=16, settings=own.get(method))
    data = DataConfig(crop=side, resize=side, normalise=transforms.name_of(*normalisation(trunk)))
    return Experiment(model=model, data=data)


def _answers(loaded: Loaded) -> dict[str, np.ndarray]:
    side = loaded.crop
    image = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
    inspection = Inspector(loaded).set_image(image)
    explanation = inspection.explanation()
    maps = explanation.detail.maps((side, side), explanation.prediction.best)
    logits = {"logits": inspection.output.logits.detach().numpy(), "Grad-CAM": explanation.cam}
    return logits | {name: found.values for name, found in maps.items()}
