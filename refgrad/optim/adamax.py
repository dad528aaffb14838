"""Adamax: Adam with the largest gradient in the place of the root mean square."""

from __future__ import annotations

from typing import Any

from refgrad.engine import ops
from refgrad.engine.creation import zeros_like
from refgrad.optim.optimizer import (
    ElementwiseOptimizer,
    as_number,
    check_betas,
    check_options,
    check_rate,
    decayed,
    first_step,
)

__all__ = ["Adamax"]


class Adamax(ElementwiseOptimizer):
    """The mean gradient over the largest one of late.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 2.
    Errors: ValueError for options out of range.
    """

    def __init__(
        self, params: Any, lr: Any = 0.002, betas: Any = (0.9, 0.999), eps: float = 1e-08, weight_decay: float = 0,
        foreach: bool | None = None, *, maximize: bool = False, differentiable: bool = False, capturable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_options(eps=("epsilon value", eps))
        check_betas(betas)
        check_options(weight_decay=("weight_decay value", weight_decay))
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _state_of(self, param: Any) -> dict[str, Any]:
        state: dict[str, Any] = self.state[param]
        if not state:
            state.update(step=first_step(), exp_avg=zeros_like(param), exp_inf=zeros_like(param))
        return state

    def update(self, param: Any, grad: Any, group: dict[str, Any]) -> None:
        state, (beta1, beta2) = self._state_of(param), group["betas"]
        state["step"] += 1
        grad = decayed(param, grad, group)
        mean, largest = state["exp_avg"].lerp_(grad, 1 - beta1), state["exp_inf"]
        shrunk, size = largest.mul_(beta2), grad.abs().add_(group["eps"])
        # as PyTorch: recorded steps split the gradient of a tie with amax, where no gradient is wanted either will do
        largest.copy_(ops.amax(ops.stack([shrunk, size]), 0) if group["differentiable"] else ops.maximum(shrunk, size))
        param.addcdiv_(mean, largest, value=-(as_number(group["lr"]) / (1 - beta1 ** state["step"].item())))
