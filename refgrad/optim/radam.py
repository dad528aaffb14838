"""RAdam: Adam whose first steps, where the mean square rests on few gradients, are not scaled by it."""

from __future__ import annotations

from typing import Any

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

__all__ = ["RAdam"]


class RAdam(ElementwiseOptimizer):
    """``Adam`` with the scale corrected for its variance, and left out while that is not finite.

    Source: Liu et al., "On the variance of the adaptive learning rate and beyond" (2020), algorithm 2, with the bound
    on the length of the average at 5, as in torch 2.13.0.
    Errors: ValueError for options out of range.
    """

    def __init__(
        self, params: Any, lr: Any = 0.001, betas: Any = (0.9, 0.999), eps: float = 1e-08, weight_decay: float = 0,
        decoupled_weight_decay: bool = False, *, foreach: bool | None = None, maximize: bool = False,
        capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_options(eps=("epsilon value", eps))
        check_betas(betas)
        check_options(weight_decay=("weight_decay value", weight_decay))
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "foreach": foreach, "capturable": capturable, "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _state_of(self, param: Any) -> dict[str, Any]:
        state: dict[str, Any] = self.state[param]
        if not state:
            state.update(step=first_step(), exp_avg=zeros_like(param), exp_avg_sq=zeros_like(param))
        return state

    def update(self, param: Any, grad: Any, group: dict[str, Any]) -> None:
        state, lr, (beta1, beta2) = self._state_of(param), as_number(group["lr"]), group["betas"]
        state["step"] += 1
        step = state["step"].item()
        grad = decayed(param, grad, group)
        mean = state["exp_avg"].lerp_(grad, 1 - beta1)
        square = state["exp_avg_sq"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        move = mean / (1 - beta1**step) * lr
        rectification = _rectification(beta2, step)
        if rectification is not None:
            root = square.sqrt()
            root = root.add(group["eps"]) if group["differentiable"] else root.add_(group["eps"])
            move = move * ((1 - beta2**step) ** 0.5 / root) * rectification
        param.add_(move, alpha=-1.0)


def _rectification(beta2: float, step: float) -> float | None:
    """What makes up for the variance of the mean square after ``step`` steps; None where that is not finite."""
    longest = 2 / (1 - beta2) - 1
    length = longest - 2 * step * beta2**step / (1 - beta2**step)
    if length <= 5.0:
        return None
    found: float = ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5
    return found
