"""Batch norm over the pictures of all processes of a training run, on any device.

torch's `nn.SyncBatchNorm` does the same on GPUs only, where it is used; its forward pass refuses CPU tensors.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import distributed, nn
from torch.nn.modules.batchnorm import _BatchNorm


class Total(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of the processes' gradients.

    Newer versions of torch deprecate `torch.distributed.nn.functional.all_reduce`, and have a private replacement only.
    """

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        """Any shape → the same shape."""
        x = x.contiguous().clone()
        distributed.all_reduce(x)
        return x

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        """The sum of the gradients over all processes, of the same shape."""
        return cast(torch.Tensor, Total.apply(gradient))


class SyncedBatchNorm(_BatchNorm):
    """Batch norm whose mean and variance are taken over the pictures of all processes, equally many in each.

    (x − E[x]) / √(Var[x] + eps) · weight + bias per channel; the running variance is the unbiased one, as in
    `nn.BatchNorm2d` (Ioffe & Szegedy 2015).
    """

    def _check_input_dim(self, input: torch.Tensor) -> None:
        """Any input with channels in dimension 1."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, C, …) → the same shape and type; statistics are computed in float32 or wider."""
        if not self.training:
            return super().forward(x)
        dims, shape = [0, *range(2, x.ndim)], (1, -1, *[1] * (x.ndim - 2))
        with torch.autocast(x.device.type, enabled=False):
            wide = x.to(torch.promote_types(x.dtype, torch.float32))
            count = x.numel() // x.shape[1] * distributed.get_world_size()
            mean = Total.apply(wide.sum(dims)) / count
            centred = wide - mean.reshape(shape)
            # About the mean, in a second sum: the difference of E[x²] and E[x]² would cancel digits.
            variance = Total.apply(centred.square().sum(dims)) / count
            self._remember(mean.detach(), variance.detach() * count / max(1, count - 1))
            x_hat = centred * (variance + self.eps).rsqrt().reshape(shape)
            return (x_hat * self.weight.reshape(shape) + self.bias.reshape(shape)).to(x.dtype)

    def _remember(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


def synchronise(module: nn.Module, device: torch.device) -> None:
    """Replaces the batch norms in a module by batch norms over all processes; parameters stay the same objects."""
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(module)
        return
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _BatchNorm) and not isinstance(child, SyncedBatchNorm):
                synced = SyncedBatchNorm(child.num_features, child.eps, child.momentum)
                synced.weight, synced.bias = child.weight, child.bias
                synced.running_mean, synced.running_var = child.running_mean, child.running_var
                synced.num_batches_tracked = child.num_batches_tracked
                synced.train(child.training)
                setattr(parent, name, synced)
