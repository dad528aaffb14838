"""RMSprop: steps scaled by the root of a running mean square."""

from __future__ import annotations

from typing import Any

from refgrad.engine.creation import zeros_like
from refgrad.optim.optimizer import ElementwiseOptimizer, as_number, check_options, check_rate, decayed, first_step

__all__ = ["RMSprop"]


class RMSprop(ElementwiseOptimizer):
    """The gradient over the root of its mean square; ``centered`` takes the variance instead.

    Source: Tieleman and Hinton, "Lecture 6.5 - rmsprop" (2012); ``centered``: Graves, "Generating sequences with
    recurrent neural networks" (2013), eq. 38 to 42, with ``eps`` outside the root, as in torch 2.13.0.
    Errors: ValueError for options out of range.
    """

    def __init__(
        self, params: Any, lr: Any = 0.01, alpha: float = 0.99, eps: float = 1e-08, weight_decay: float = 0,
        momentum: float = 0, centered: bool = False, capturable: bool = False, foreach: bool | None = None,
        maximize: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_options(
            eps=("epsilon value", eps), momentum=("momentum value", momentum),
            weight_decay=("weight_decay value", weight_decay), alpha=("alpha value", alpha),
        )  # fmt: skip
        defaults = {
            "lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "centered": centered,
            "weight_decay": weight_decay, "capturable": capturable, "foreach": foreach, "maximize": maximize,
            "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _state_of(self, param: Any, group: dict[str, Any]) -> dict[str, Any]:
        state: dict[str, Any] = self.state[param]
        if not state:
            state.update(step=first_step(), square_avg=zeros_like(param))
            if group["momentum"] > 0:
                state["momentum_buffer"] = zeros_like(param)
            if group["centered"]:
                state["grad_avg"] = zeros_like(param)
        return state

    def update(self, param: Any, grad: Any, group: dict[str, Any]) -> None:
        state, alpha, lr = self._state_of(param, group), group["alpha"], as_number(group["lr"])
        state["step"] += 1
        grad = decayed(param, grad, group)
        square = state["square_avg"].mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"].lerp_(grad, 1 - alpha)
            root = square.addcmul(mean, mean, value=-1).sqrt_()
        else:
            root = square.sqrt()
        root = root.add(group["eps"]) if group["differentiable"] else root.add_(group["eps"])
        if group["momentum"] > 0:
            buffer = state["momentum_buffer"].mul_(group["momentum"]).addcdiv_(grad, root)
            param.add_(buffer, alpha=-lr)
        else:
            param.addcdiv_(grad, root, value=-lr)
