"""Adam with its weight decay apart."""

from __future__ import annotations

from typing import Any

from refgrad.optim.adam import Adam

__all__ = ["AdamW"]


class AdamW(Adam):
    """``Adam``, with the parameters shrunk directly and not through the gradient.

    Source: Loshchilov and Hutter, "Decoupled weight decay regularization" (2019), algorithm 2.
    """

    def __init__(
        self, params: Any, lr: Any = 0.001, betas: Any = (0.9, 0.999), eps: float = 1e-08, weight_decay: float = 0.01,
        amsgrad: bool = False, *, maximize: bool = False, foreach: bool | None = None, capturable: bool = False,
        differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        super().__init__(
            params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize, foreach=foreach, capturable=capturable,
            differentiable=differentiable, fused=fused, decoupled_weight_decay=True,
        )  # fmt: skip
