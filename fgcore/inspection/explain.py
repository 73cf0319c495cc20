"""One checkpoint, one photo, one explanation: what the command line and the app both call."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from fgcore.checkpoints import official
from fgcore.checkpoints.checkpoint import Checkpoint
from fgcore.config import ROIConfig
from fgcore.data import transforms
from fgcore.inspection.cam import cam_layer, grad_cam
from fgcore.methods.ap.pyramid_attention import head_predictions, pyramid_attention
from fgcore.methods.ap.what_if import Corners, FirstLook, second_look
from fgcore.methods.mc.channel_groups import channel_groups
from fgcore.records import Explanation, View


@dataclass(frozen=True)
class Loaded:
    """A model ready to explain pictures. Hooks of the CAM package make it unsafe for two threads at once."""

    model: nn.Module  # evaluation mode, float32, its parameters need no gradient
    checkpoint: Checkpoint

    @property
    def crop(self) -> int:
        """Side of the network input, pixels."""
        return self.checkpoint.experiment.data.crop


def load_model(path: Path | str) -> Loaded:
    """Read a checkpoint, or an official AP-CNN `.pth`, for inspection.

    Raises:
        CheckpointError: the file is no usable checkpoint; the message says why in one sentence.
        FileNotFoundError: there is no such file.
    """
    model, source = official.load_any(path)
    return Loaded(model.eval().requires_grad_(False), source)


def explain_picture(
    loaded: Loaded,
    picture: np.ndarray,
    *,
    class_index: int | None = None,
    drop_seed: int | None = None,
    cam: bool = True,
) -> Explanation:
    """Everything one model shows on one photo, in float32.

    Args:
        loaded: from `load_model`; hold its lock while this runs if threads share it.
        picture: (H, W, 3) uint8 RGB, any size.
        class_index: the class that Grad-CAM explains; None: the predicted one.
        drop_seed: AP-CNN: draw a dropblock as in training from this seed and look again without that ROI.
        cam: compute Grad-CAM, which needs a backward pass.

    Raises:
        ValueError: no such class, or a picture of another shape.
    """
    model, source = loaded.model, loaded.checkpoint
    names, data = source.class_names, source.experiment.data
    if class_index is not None and not 0 <= class_index < len(names):
        raise ValueError(f"expected a class from 0 to {len(names) - 1}, got {class_index}")
    image, geometry = transforms.preprocess(picture, data)
    pixels = transforms.display(image, data)
    with torch.no_grad():
        output = model(image[None])
    prediction = head_predictions(output.logits[:1], ["final"])[0]
    method = source.experiment.model.method
    cam_class = prediction.best if class_index is None else class_index
    return Explanation(
        method=method,
        class_names=names,
        view=View(pixels, geometry.crop_box, picture.shape[:2]),
        prediction=prediction,
        cam_class=cam_class,
        cam=grad_cam(model, image[None], cam_class) if cam else None,
        features_level=cam_layer(model)[1],
        cam_layer=f"last layer at stride {2 ** cam_layer(model)[1]}" + (" of stage I" if method == "ap" else ""),
        groups=channel_groups(output) if method == "mc" else None,
        attention=pyramid_attention(model, output, pixels, drop_seed) if method == "ap" else None,
        origin=origin(source),
    )


def first_look(loaded: Loaded, picture: np.ndarray) -> FirstLook:
    """Stage I of AP-CNN on a photo, to be kept: `explain_again` then costs stage II only. See `explain_picture`."""
    data = loaded.checkpoint.experiment.data
    image, geometry = transforms.preprocess(picture, data)
    with torch.no_grad():
        stage1 = loaded.model.look(loaded.model.trunk.stem(image[None]))
    return FirstLook(View(transforms.display(image, data), geometry.crop_box, picture.shape[:2]), stage1)


def explain_again(
    loaded: Loaded, first: FirstLook, *, roi: ROIConfig | None = None, zoom_box: Corners | None = None
) -> Explanation:
    """What AP-CNN shows after its first look, also with other ROI settings or another zoom box; no Grad-CAM.

    Args:
        loaded: the AP-CNN that looked first; hold its lock while this runs if threads share it.
        first: from `first_look`.
        roi: other ROI settings; None: the model's own.
        zoom_box: xyxy in pixels of the network input, instead of the box around the ROIs.

    Raises:
        ValueError: settings or a box that mean nothing.
    """
    output = second_look(loaded.model, first, roi=roi, zoom_box=zoom_box)
    prediction = head_predictions(output.logits, ["final"])[0]
    layer = cam_layer(loaded.model)[1]
    return Explanation(
        method="ap",
        class_names=loaded.checkpoint.class_names,
        view=first.view,
        prediction=prediction,
        cam_class=prediction.best,
        cam=None,
        features_level=layer,
        cam_layer=f"last layer at stride {2**layer} of stage I",
        attention=pyramid_attention(loaded.model, output, first.view.pixels, roi=roi),
        origin=origin(loaded.checkpoint),
    )


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
