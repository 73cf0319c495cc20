"""AP-CNN against a literal per-image loop and against the plain trunk."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import literal, timing
from fgcore.config import LossConfig, ModelConfig
from fgcore.machine import runtime
from fgcore.methods import build_loss, build_model
from fgcore.methods.ap import roi
from fgcore.methods.ap.network import APCNN
from fgcore.trunks import build_trunk

CLASSES = 200


def measure(device: torch.device, repeats: int, *, batch: int = 4) -> list[dict]:
    """All rows of this part.

    Args:
        device: where.
        repeats: rounds of the quick rows; the slow ones take a third.
        batch: pictures a step at 448 pixels; four times as many at 224.
    """
    rows, few = [], max(3, repeats // 3)
    precisions = ["fp32", *(["bf16"] if runtime.has_bf16(device) else [])]
    for trunk, side, images in (("resnet50", 448, batch), ("resnet18", 224, 4 * batch)):
        model = runtime.place(build_model(ModelConfig("ap", trunk, num_classes=CLASSES)), device)
        plain = runtime.place(_plain(trunk), device)
        inputs = torch.rand(images, 3, side, side, device=device).contiguous(memory_format=torch.channels_last)
        name = f"{trunk}, {side} px, batch {images}"
        rows.append(_refinement(model, inputs, name, device, repeats))
        rows.append(_training(model, inputs, name, precisions, device, few))
        for precision in precisions:
            rows.append(_against_plain(model, plain, inputs, f"{name}, {precision}", precision, device, few))
    return rows


def _refinement(model: APCNN, images: Tensor, name: str, device: torch.device, repeats: int) -> dict:
    with torch.no_grad():
        stage = model.eval().first_pass(images)
    level3, gates = stage.backbone.level3, stage.spatial_gates
    size = tuple(8 * side for side in level3.shape[-2:])

    @torch.no_grad()
    def ours() -> None:
        boxes = roi.union_box(roi.roi_pyramid(gates, model.roi), size)
        model.refine(level3, boxes)

    @torch.no_grad()
    def by_image() -> None:
        literal.refine(level3, gates, model.roi)

    seconds = timing.take_turns({"literal": by_image, "ours": ours}, repeats=repeats, device=device)
    return {
        "what": f"AP-CNN ROI selection and zoom-in, {name}",
        "ratio": timing.ratio(seconds, "literal", "ours"),
        "meaning": "literal / ours",
        "milliseconds": timing.milliseconds(seconds),
    }


def _training(
    model: APCNN, images: Tensor, name: str, precisions: list[str], device: torch.device, repeats: int
) -> dict:
    """The whole step, ours in each precision against the literal one in fp32 and plain NCHW memory."""
    targets = torch.randint(CLASSES, (len(images),), device=device)
    loss = build_loss(LossConfig("ce"), ModelConfig("ap"))
    slow = build_model(ModelConfig("ap", "resnet50" if "resnet50" in name else "resnet18", num_classes=CLASSES))
    slow.load_state_dict(model.state_dict())
    slow = slow.to(device).train()
    plain_images = images.contiguous()

    def by_image() -> None:
        literal.ap_loss(literal.ap_cnn(slow, plain_images), targets).backward()
        slow.zero_grad(set_to_none=True)

    cases: dict[str, Callable[[], None]] = {"literal fp32": by_image}
    model.train()
    for precision in precisions:

        def ours(precision: str = precision) -> None:
            with runtime.autocast(precision, device):
                output = model(images)
            loss(output, targets).total.backward()
            model.zero_grad(set_to_none=True)

        cases[f"ours {precision}"] = ours
    seconds = timing.take_turns(cases, repeats=repeats, device=device)
    fastest = f"ours {precisions[-1]}"
    return {
        "what": f"AP-CNN training step (forward + backward), {name}",
        "ratio": timing.ratio(seconds, "literal fp32", fastest),
        "meaning": f"literal fp32 / {fastest}",
        "target": "at least 2.2 for resnet50 at 448 px in bf16",
        "milliseconds": timing.milliseconds(seconds),
    }


def _against_plain(
    model: APCNN, plain: nn.Module, images: Tensor, name: str, precision: str, device: torch.device, repeats: int
) -> dict:
    model.eval()
    plain.eval()

    def forward(network: nn.Module) -> Callable[[], None]:
        @torch.inference_mode()
        def run() -> None:
            with runtime.autocast(precision, device):
                network(images)

        return run

    seconds = timing.take_turns({"AP-CNN": forward(model), "plain": forward(plain)}, repeats=repeats, device=device)
    return {
        "what": f"AP-CNN inference, {name}",
        "ratio": timing.ratio(seconds, "AP-CNN", "plain"),
        "meaning": "AP-CNN / plain trunk with its classifier",
        "target": "at most 2.1 for resnet50 at 448 px",
        "multiply_adds": {"AP-CNN / plain": round(_flops(model, images[:1]) / _flops(plain, images[:1]), 3)},
        "milliseconds": timing.milliseconds(seconds),
    }


def _plain(name: str) -> nn.Module:
    """The classifier as torchvision has it: trunk, average, one linear layer."""
    trunk = build_trunk(name)
    return nn.Sequential(
        trunk.up_to(5), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(trunk.channels.level5, CLASSES)
    )


def _flops(network: nn.Module, images: Tensor) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(images)
    return counter.get_total_flops()
