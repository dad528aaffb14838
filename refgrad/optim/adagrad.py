"""Adagrad: steps scaled by the root of the sum of squares so far."""

from __future__ import annotations

from typing import Any

from refgrad.engine.creation import full_like
from refgrad.optim.optimizer import (
    ElementwiseOptimizer,
    as_number,
    check_kernels,
    check_options,
    check_rate,
    decayed,
    first_step,
)

__all__ = ["Adagrad"]


class Adagrad(ElementwiseOptimizer):
    """The gradient over the root of the sum of its squares; the state is there from the start.

    Source: Duchi et al., "Adaptive subgradient methods for online learning and stochastic optimization" (2011), the
    diagonal form.
    Errors: ValueError for options out of range.
    """

    def __init__(
        self, params: Any, lr: Any = 0.01, lr_decay: float = 0, weight_decay: float = 0,
        initial_accumulator_value: float = 0, eps: float = 1e-10, foreach: bool | None = None, *,
        maximize: bool = False, differentiable: bool = False, fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_options(
            lr_decay=("lr_decay value", lr_decay), weight_decay=("weight_decay value", weight_decay),
            initial=("initial_accumulator_value value", initial_accumulator_value), eps=("epsilon value", eps),
        )  # fmt: skip
        defaults = {
            "lr": lr, "lr_decay": lr_decay, "eps": eps, "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        check_kernels(fused=fused, foreach=foreach, differentiable=differentiable)
        for group in self.param_groups:
            for param in group["params"]:
                self._state_of(param)

    def _state_of(self, param: Any) -> dict[str, Any]:
        state: dict[str, Any] = self.state[param]
        if not state:
            state.update(step=first_step(), sum=full_like(param, self.defaults["initial_accumulator_value"]))
        return state

    def update(self, param: Any, grad: Any, group: dict[str, Any]) -> None:
        state = self._state_of(param)
        state["step"] += 1
        grad = decayed(param, grad, group)
        rate = as_number(group["lr"]) / (1 + (state["step"].item() - 1) * group["lr_decay"])
        root = state["sum"].addcmul_(grad, grad, value=1).sqrt()
        root = root + group["eps"] if group["differentiable"] else root.add_(group["eps"])
        param.addcdiv_(grad, root, value=-rate)
