"""SGD or AdamW with parameter groups by name, and learning rates that are a pure function of the epoch."""

import math

import torch
from torch import nn

from fgcore.config import OptimConfig


def build_optimizer(model: nn.Module, config: OptimConfig, loss: nn.Module | None = None) -> torch.optim.Optimizer:
    """The optimiser over two groups, "new" and "trunk"; an empty group is left out.

    Parameters of the loss, where it has any, are new.

    Weight decay acts on all parameters, as in both papers' code. `set_learning_rates` gives the groups their rates.

    Source: SGD with momentum, both papers; AdamW, Loshchilov and Hutter, ICLR 2019.

    Raises:
        ValueError: a prefix that no parameter has.
    """
    named = split_parameters(model, config.trunk_prefixes)
    if loss is not None:
        named["new"] |= {f"loss.{name}": parameter for name, parameter in loss.named_parameters()}
    groups = [{"name": name, "params": list(parameters.values())} for name, parameters in named.items() if parameters]
    if config.optimizer == "adamw":
        betas = config.momentum, 0.999
        return torch.optim.AdamW(groups, lr=config.lr, betas=betas, weight_decay=config.weight_decay)
    return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay)


def split_parameters(model: nn.Module, prefixes: tuple[str, ...]) -> dict[str, dict[str, nn.Parameter]]:
    """Trainable parameters by name: "new", and "trunk" for those at or below one of the dotted `prefixes`.

    Raises:
        ValueError: a prefix that no parameter has.
    """
    groups: dict[str, dict[str, nn.Parameter]] = {"new": {}, "trunk": {}}
    unused = set(prefixes)
    for name, parameter in model.named_parameters():
        matches = {prefix for prefix in prefixes if f"{name}.".startswith(f"{prefix}.")}
        unused -= matches
        if parameter.requires_grad:
            groups["trunk" if matches else "new"][name] = parameter
    if unused:
        children = ", ".join(name for name, _ in model.named_children())
        raise ValueError(
            f"no parameter lies below {sorted(unused)[0]!r} of optim.trunk_prefixes; top names: {children}"
        )
    return groups


def learning_rates(config: OptimConfig, epoch: int, step: int = 0, steps: int = 1) -> dict[str, float]:
    """The learning rate of each group.

    Args:
        config: the schedule. Cosine: lr * (1 + cos(pi * epoch / epochs)) / 2. Step: lr * gamma for each milestone
            reached. Over the first `warmup_epochs` it is multiplied by the share of the warm-up that is done.
        epoch: from 0.
        step: from 0, within the epoch; only the warm-up depends on it.
        steps: of an epoch.
    """
    if config.schedule == "cosine":
        factor = (1 + math.cos(math.pi * epoch / config.epochs)) / 2
    else:
        factor = config.gamma ** sum(milestone <= epoch for milestone in config.milestones)
    if config.warmup_epochs > 0:
        factor *= min(1.0, (epoch + (step + 1) / steps) / config.warmup_epochs)
    return {"new": config.lr * factor, "trunk": config.trunk_lr * factor}


def update(optimizer: torch.optim.Optimizer, clip_norm: float) -> None:
    """Change the weights by their gradients, which are shortened to `clip_norm` where they are longer; 0: never."""
    if clip_norm:
        parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        nn.utils.clip_grad_norm_(parameters, clip_norm)
    optimizer.step()


def set_learning_rates(optimizer: torch.optim.Optimizer, rates: dict[str, float]) -> None:
    """Give each named group its rate."""
    for group in optimizer.param_groups:
        group["lr"] = rates[group["name"]]
