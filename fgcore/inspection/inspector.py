"""Set an image once, then ask: what a model says of it, where it looked, and what it would say otherwise.

The command line, the app, evaluations' pages and notebooks all ask here. Nothing puts hooks on the model or changes it,
so any number of threads may share one.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from fgcore.checkpoints import official
from fgcore.checkpoints.checkpoint import Checkpoint
from fgcore.data import transforms
from fgcore.data.images import read_image
from fgcore.inspection import cams, occlusion
from fgcore.inspection.faithfulness import Faithfulness, faithfulness
from fgcore.methods import METHODS
from fgcore.methods.base import Method
from fgcore.methods.heads import predictions
from fgcore.outputs import Evidence, ModelOutput
from fgcore.records import Corners, Detail, Explanation, Prediction, View
from fgcore.report import notebook


@dataclass(frozen=True)
class Loaded:
    """A model ready to explain images, and where it comes from."""

    model: nn.Module  # evaluation mode, float32, its parameters need no gradient
    checkpoint: Checkpoint

    @property
    def method(self) -> Method:
        """What it was built by."""
        return METHODS[self.checkpoint.experiment.model.method]

    @property
    def crop(self) -> int:
        """Side of the network input, pixels."""
        return self.checkpoint.experiment.data.crop


def load(path: Path | str) -> Loaded:
    """Read a checkpoint, or an official `.pth` that a method can import, for inspection.

    Raises:
        CheckpointError: the file is no usable checkpoint; the message says why in one sentence.
        FileNotFoundError: there is no such file.
    """
    model, source = official.load_any(path)
    return Loaded(model.eval().requires_grad_(False), source)


class Inspector:
    """A model that is asked about images."""

    def __init__(self, model: Loaded | Path | str) -> None:
        """Take a model, or read a checkpoint; see `load`."""
        self.loaded = model if isinstance(model, Loaded) else load(model)

    def set_image(self, image: np.ndarray | Path | str) -> Inspection:
        """Show the model an image; what comes back answers every question about it.

        Args:
            image: (H, W, 3) uint8 RGB, any size; or a file of one.

        Raises:
            ValueError: an array of another shape, or a file that is no image.
            FileNotFoundError: no such file.
        """
        pixels = image if isinstance(image, np.ndarray) else read_image(Path(image).expanduser())
        tensor, view = self._prepared(pixels)
        with torch.enable_grad():  # to the image, for class activation maps; the parameters stay out of it
            output = self.loaded.model(tensor[None].requires_grad_(True))
        return Inspection(self, pixels, view, tensor, output)

    @torch.no_grad()
    def predict(self, image: np.ndarray) -> tuple[View, Prediction]:
        """The answer alone: one forward pass that keeps nothing. (H, W, 3) uint8."""
        tensor, view = self._prepared(image)
        return view, predictions(self.loaded.model(tensor[None]).logits, ["final"])[0]

    def _prepared(self, image: np.ndarray) -> tuple[Tensor, View]:
        data = self.loaded.checkpoint.experiment.data
        tensor, geometry = transforms.preprocess(image, data)
        return tensor, View(transforms.display(tensor, data), geometry.crop_box, image.shape[:2])


@dataclass(frozen=True, repr=False)
class Inspection:
    """One image in front of one model. Everything is computed when it is asked for; `detail` and maps cost little."""

    inspector: Inspector
    image: np.ndarray  # (H, W, 3) uint8, as it was given
    view: View
    tensor: Tensor  # (3, H, W) the network input
    output: ModelOutput  # the trace, of a batch of one, with gradients

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the model can answer."""
        return self.inspector.loaded.checkpoint.class_names

    @cached_property
    def prediction(self) -> Prediction:
        """Softmax of the final logits."""
        return predictions(self.output.logits, ["final"])[0]

    @cached_property
    def detail(self) -> Detail:
        """What the method shows beyond the answer."""
        return self.drawn(None)

    def drawn(self, seed: int | None) -> Detail:
        """The detail with what training would draw from this seed: a mask, a dropped region; None: nothing is drawn."""
        loaded = self.inspector.loaded
        with torch.no_grad():
            return loaded.method.detail(loaded.model, self.output, self.view.pixels, seed)

    @property
    def evidence(self) -> Evidence:
        """The features that class activation maps weigh."""
        return next(iter(self.output.evidence().values()))

    def cam(self, kind: str = "Grad-CAM", class_index: int | None = None, contrast: int | None = None) -> np.ndarray:
        """A class activation map.

        Args:
            kind: one of `cams.KINDS`.
            class_index: None: the predicted class.
            contrast: FinerCAM only: the class to tell it from.

        Returns:
            (H, W) float32 in [0, 1], stretched to its own range: compare places, not strengths.

        Raises:
            ValueError: no such kind or class, or FinerCAM without a contrast class or with the class itself.
        """
        class_index = self.prediction.best if class_index is None else class_index
        for index in (class_index, contrast):
            if index is not None and not 0 <= index < len(self.class_names):
                raise ValueError(f"expected a class from 0 to {len(self.class_names) - 1}, got {index}")
        if kind == "FinerCAM" and contrast == class_index:
            raise ValueError(
                f"FinerCAM tells a class from a contrast class, got class {class_index} for both; choose another"
            )
        classes = [None if index is None else torch.tensor([index]) for index in (class_index, contrast)]
        values = cams.class_maps(self.evidence, classes[0], kind, classes[1])
        return cams.stretched(values[0].cpu().numpy(), self.view.pixels.shape[:2])

    def what_if(self, **changes: Any) -> Inspection:
        """The inspection with something of the method changed, such as AP-CNN's `roi` or `zoom_box`.

        Raises:
            ValueError: a change that means nothing, or a method that offers none.
        """
        loaded = self.inspector.loaded
        if loaded.method.what_if is None:
            raise ValueError(f"{loaded.method.title} has nothing to change; cover a part of the image instead")
        with torch.no_grad():
            return dataclasses.replace(self, output=loaded.method.what_if(loaded.model, self.output, **changes))

    def cover(self, box: Corners, fill: str = "blur") -> Inspection:
        """The same image with a box covered; see `occlusion.occlude`. Box: xyxy, pixels of the image."""
        return self.inspector.set_image(occlusion.occlude(self.image, box, fill))

    def road(self, values: np.ndarray, class_index: int, *, seed: int = 0) -> Faithfulness:
        """ROAD of a map (h, w), judged by the final prediction. See `faithfulness.faithfulness`."""
        model = self.inspector.loaded.model
        return faithfulness(lambda images: model(images).logits, self.tensor, values, class_index, seed=seed)

    def explanation(
        self, *, class_index: int | None = None, cam: bool = True, draw_seed: int | None = None
    ) -> Explanation:
        """Everything as one record of arrays and numbers, to be shown, kept and compared.

        Args:
            class_index: the class that Grad-CAM explains; None: the predicted one.
            cam: whether Grad-CAM is wanted.
            draw_seed: see `drawn`.
        """
        source = self.inspector.loaded.checkpoint
        where, evidence = next(iter(self.output.evidence().items()))
        shown = self.prediction.best if class_index is None else class_index
        return Explanation(
            method=source.experiment.model.method,
            class_names=self.class_names,
            view=self.view,
            prediction=self.prediction,
            detail=self.detail if draw_seed is None else self.drawn(draw_seed),
            cam_level=evidence.level,
            cam_layer=f"{where}, stride {2**evidence.level}",
            cam_class=shown if cam else None,
            cam=self.cam(class_index=shown) if cam else None,
            origin=origin(source),
        )

    def _repr_html_(self) -> str:
        """The image, the five most probable classes and the maps, in a notebook."""
        return notebook.page(self.explanation())


def origin(source: Checkpoint) -> dict[str, str]:
    """Where a result comes from, as short texts to print beside it."""
    experiment, provenance = source.experiment, source.provenance
    return {
        "checkpoint": source.path.name,
        "sha256": source.sha256,
        "method": experiment.model.method,
        "trunk": experiment.model.trunk,
        "data": str(provenance.get("data", experiment.data.dataset)),
        "seed": str(experiment.seed),
        "command": str(provenance.get("command", "unknown")),
        "commit": str(provenance.get("commit", "unknown")),
        "precision": "fp32",
    }
