"""Adadelta: steps in the units of the parameters, by running means of squares."""

from __future__ import annotations

from typing import Any

from refgrad.engine.creation import zeros_like
from refgrad.optim.optimizer import ElementwiseOptimizer, as_number, check_options, check_rate, decayed, first_step

__all__ = ["Adadelta"]


class Adadelta(ElementwiseOptimizer):
    """The gradient times the root mean square of the steps so far, over that of the gradients.

    Source: Zeiler, "ADADELTA: an adaptive learning rate method" (2012), algorithm 1.
    Errors: ValueError for options out of range.
    """

    def __init__(
        self, params: Any, lr: Any = 1.0, rho: float = 0.9, eps: float = 1e-6, weight_decay: float = 0,
        foreach: bool | None = None, *, capturable: bool = False, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_options(eps=("epsilon value", eps), weight_decay=("weight_decay value", weight_decay))
        defaults = {
            "lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay, "maximize": maximize,
            "capturable": capturable, "foreach": foreach, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _state_of(self, param: Any) -> dict[str, Any]:
        state: dict[str, Any] = self.state[param]
        if not state:
            state.update(step=first_step(), square_avg=zeros_like(param), acc_delta=zeros_like(param))
        return state

    def update(self, param: Any, grad: Any, group: dict[str, Any]) -> None:
        state, rho, eps = self._state_of(param), group["rho"], group["eps"]
        state["step"] += 1
        grad = decayed(param, grad, group)
        square, steps = state["square_avg"], state["acc_delta"]
        square.mul_(rho).addcmul_(grad, grad, value=1 - rho)
        root, delta = square.add(eps).sqrt_(), steps.add(eps).sqrt_()
        delta = delta.clone() if group["differentiable"] else delta
        delta.div_(root).mul_(grad)
        steps.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        param.add_(delta, alpha=-as_number(group["lr"]))
