"""Non-negative factors of a group's weights: groups of inputs, and where each unit is excited and inhibited by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

from wbsite.ops.nmf import one_sided_nmf


@dataclass(frozen=True, eq=False)
class WeightFactors:
    """Factors of a group's weights: kernels[u, c] ≈ Σ_j maps[u, …, j] · inputs[j, c], the strongest factor first.

    Attributes:
        excitatory, inhibitory: (U, kh, kw, n) ≥ 0.
        inputs: (n, C) ≥ 0, rows of unit norm (or zero): the group of inputs that a factor is.
        explained: share of the squared weights, in (−∞, 1].
    """

    excitatory: torch.Tensor
    inhibitory: torch.Tensor
    inputs: torch.Tensor
    explained: float

    @property
    def maps(self) -> torch.Tensor:
        """(U, kh, kw, n) excitation minus inhibition."""
        return self.excitatory - self.inhibitory

    @property
    def shares(self) -> torch.Tensor:
        """(n, C) each input's share of its factor, rows that sum to 1."""
        total = self.inputs.sum(1, keepdim=True)
        return self.inputs / torch.where(total > 0, total, 1)


def weight_factors(kernels: torch.Tensor, count: int) -> WeightFactors:
    """Factorises the excitatory and the inhibitory weights of a group of units over one set of factors.

    [relu(K); relu(−K)] (2·U·kh·kw × C) ≈ S·F with S, F ≥ 0: the inputs that go together are the same where they
    excite and where they inhibit.

    Args:
        kernels: (U, C, kh, kw) over the same inputs.
        count: of factors; those beyond the rank are zeros.

    Raises:
        WbsiteError: as `one_sided_nmf` does.
    """
    # In single precision the eigenvectors that NMF starts from do not converge for some kernels.
    kernels = kernels.detach().double()
    both = torch.cat([kernels, -kernels]).clamp_min(0)
    factors = one_sided_nmf(both, count, mode="joint")
    maps = factors.spatial * factors.scale[:, None, None, None]
    inputs = factors.channels[0, :, : kernels.shape[1]]
    rebuilt = torch.einsum("uhwn,nc->uchw", maps, inputs)
    total = both.square().sum()
    explained = 1 - float((both - rebuilt).square().sum() / total) if total > 0 else 0.0
    excitatory, inhibitory = maps.float().chunk(2)
    return WeightFactors(excitatory, inhibitory, inputs.float(), explained)


def explained_by_count(kernels: torch.Tensor, counts: Iterable[int]) -> dict[int, float]:
    """Number of factors → explained share of the squared weights."""
    return {count: weight_factors(kernels, count).explained for count in counts}
