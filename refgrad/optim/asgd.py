"""Averaged stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from refgrad.engine.creation import zeros_like
from refgrad.optim.optimizer import ElementwiseOptimizer, as_number, check_options, check_rate, decayed, first_step

__all__ = ["ASGD"]


class ASGD(ElementwiseOptimizer):
    """Ever shorter steps; ``ax`` in the state is the mean of the parameters from step ``t0`` on.

    Source: Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992).
    Errors: ValueError for options out of range.
    """

    def __init__(
        self, params: Any, lr: Any = 0.01, lambd: float = 0.0001, alpha: float = 0.75, t0: float = 1000000.0,
        weight_decay: float = 0, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
        capturable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_options(weight_decay=("weight_decay value", weight_decay))
        defaults = {
            "lr": lr, "lambd": lambd, "alpha": alpha, "t0": t0, "weight_decay": weight_decay, "foreach": foreach,
            "maximize": maximize, "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _state_of(self, param: Any, lr: Any) -> dict[str, Any]:
        state: dict[str, Any] = self.state[param]
        if not state:
            state.update(step=first_step(), eta=first_step().fill_(lr), mu=first_step().fill_(1))
            state["ax"] = zeros_like(param)
        return state

    def update(self, param: Any, grad: Any, group: dict[str, Any]) -> None:
        lr, lambd = as_number(group["lr"]), group["lambd"]
        state = self._state_of(param, lr)
        state["step"] += 1
        step, eta, mean = state["step"].item(), state["eta"].item(), state["ax"]
        grad = decayed(param, grad, group)
        param.mul_(1 - lambd * eta).add_(grad, alpha=-eta)
        if state["mu"].item() == 1:
            mean.copy_(param)
        else:
            mean.add_(param.sub(mean).mul_(state["mu"]))
        state["eta"].fill_(lr / (1 + lambd * lr * step) ** group["alpha"])
        state["mu"].fill_(1 / max(1, step - group["t0"]))
