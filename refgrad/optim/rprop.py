"""Resilient backpropagation: steps by the signs of the gradient alone."""

from __future__ import annotations

from typing import Any

from refgrad.engine.creation import full_like, zeros_like
from refgrad.optim.optimizer import ElementwiseOptimizer, as_number, check_rate, first_step

__all__ = ["Rprop"]


class Rprop(ElementwiseOptimizer):
    """Each element has a step of its own, longer while the gradient's sign holds and shorter where it turns.

    Source: Riedmiller and Braun, "A direct adaptive method for faster backpropagation learning" (1993), without going
    back where the sign turns, as in torch 2.13.0.
    Errors: ValueError for options out of range.
    """

    def __init__(
        self, params: Any, lr: Any = 0.01, etas: Any = (0.5, 1.2), step_sizes: Any = (1e-06, 50), *,
        capturable: bool = False, foreach: bool | None = None, maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr, "etas": etas, "step_sizes": step_sizes, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable, "capturable": capturable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _state_of(self, param: Any, group: dict[str, Any]) -> dict[str, Any]:
        state: dict[str, Any] = self.state[param]
        if not state:
            state.update(step=first_step(), prev=zeros_like(param))
            state["step_size"] = full_like(param, as_number(group["lr"]))
        return state

    def update(self, param: Any, grad: Any, group: dict[str, Any]) -> None:
        state, (shorter, longer), (least, most) = self._state_of(param, group), group["etas"], group["step_sizes"]
        state["step"] += 1
        previous = state["prev"]
        sign = grad.mul(previous.clone() if group["differentiable"] else previous).sign()
        sign[sign.gt(0)] = longer
        sign[sign.lt(0)] = shorter
        sign[sign.eq(0)] = 1
        state["step_size"].mul_(sign).clamp_(least, most)
        grad = grad.clone()
        grad[sign.eq(shorter)] = 0
        param.addcmul_(grad.sign(), state["step_size"], value=-1)
        previous.copy_(grad)
