"""Batch norm over a whole batch that several processes share."""

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn.modules.batchnorm import _BatchNorm

from fgcore.machine import distributed


class _Sum(torch.autograd.Function):
    """The sum over all processes. Its gradient is the sum of theirs, since every process's output goes on from it."""

    @staticmethod
    def forward(ctx: FunctionCtx, values: Tensor) -> Tensor:
        return distributed.summed(values)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> Tensor:
        return distributed.summed(gradient)


class SyncNorm(_BatchNorm):
    """Batch norm with the statistics of all processes, in plain PyTorch: for the CPU, where `nn.SyncBatchNorm` is not.

    Shares may differ in size. Statistics are float32 or wider. Evaluation is ordinary batch norm.
    """

    def _check_input_dim(self, values: Tensor) -> None:
        """Any number of dimensions."""

    def forward(self, values: Tensor) -> Tensor:
        """(B, C) or (B, C, H, W), B images of this process; the same shape and type."""
        if not self.training:
            return super().forward(values)
        wide = values.to(torch.promote_types(values.dtype, torch.float32))
        others = [axis for axis in range(values.ndim) if axis != 1]
        count = wide.new_tensor([wide.numel() // wide.shape[1]])
        *sums, count = _Sum.apply(torch.cat([wide.sum(others), count])).split([self.num_features, 1])
        column = [-1 if axis == 1 else 1 for axis in range(values.ndim)]
        mean = sums[0] / count  # (C,)
        centred = wide - mean.view(column)
        variance = _Sum.apply(centred.square().sum(others)) / count  # second pass: no cancellation
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centred * scale.view(column) + self.bias.view(column)).to(values.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics towards those of the batch, as `nn.BatchNorm2d` does."""
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), self.momentum)
        self.running_var.lerp_(variance.to(self.running_var.dtype), self.momentum)


def synchronised(model: nn.Module) -> nn.Module:
    """`model` with every batch norm replaced by one over all processes; parameters, buffers and names stay.

    `nn.SyncBatchNorm` on CUDA, whose kernels are faster, and `SyncNorm` elsewhere.
    """
    if next(model.parameters()).is_cuda:
        return nn.SyncBatchNorm.convert_sync_batchnorm(model)
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _BatchNorm):
                setattr(parent, name, _like(child))
    return model


def _like(norm: _BatchNorm) -> SyncNorm:
    """A `SyncNorm` with the very tensors of `norm`, which has weights and momentum as all of our networks' have."""
    new = SyncNorm(norm.num_features, norm.eps, norm.momentum)
    for name, value in (norm._parameters | norm._buffers).items():
        setattr(new, name, value)
    return new.train(norm.training)


@torch.no_grad()
def average_statistics(model: nn.Module) -> None:
    """Give all processes the mean of their running statistics: for batch norm that is not synchronised."""
    for buffer in model.buffers():
        if buffer.is_floating_point():
            dist.all_reduce(buffer)
            buffer /= distributed.size()
