"""NAdam: Adam that looks a step ahead, as Nesterov's momentum does."""

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

__all__ = ["NAdam"]


class NAdam(ElementwiseOptimizer):
    """The gradient and its mean, each by its share in the momentum, over the root of the mean square.

    Source: Dozat, "Incorporating Nesterov momentum into Adam" (2016), algorithm 2.
    Errors: ValueError for options out of range.
    """

    def __init__(
        self, params: Any, lr: Any = 0.002, betas: Any = (0.9, 0.999), eps: float = 1e-08, weight_decay: float = 0,
        momentum_decay: float = 0.004, decoupled_weight_decay: bool = False, *, foreach: bool | None = None,
        maximize: bool = False, capturable: bool = False, differentiable: bool = False,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_options(eps=("epsilon value", eps))
        check_betas(betas)
        check_options(
            weight_decay=("weight_decay value", weight_decay), momentum_decay=("momentum_decay value", momentum_decay)
        )
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay, "maximize": maximize, "foreach": foreach,
            "capturable": capturable, "differentiable": differentiable,
        }  # fmt: skip
        super().__init__(params, defaults)

    def _state_of(self, param: Any) -> dict[str, Any]:
        state: dict[str, Any] = self.state[param]
        if not state:
            state.update(step=first_step(), mu_product=first_step().add_(1))
            state.update(exp_avg=zeros_like(param), exp_avg_sq=zeros_like(param))
        return state

    def update(self, param: Any, grad: Any, group: dict[str, Any]) -> None:
        state, lr, (beta1, beta2) = self._state_of(param), as_number(group["lr"]), group["betas"]
        state["step"] += 1
        step, decay = state["step"].item(), group["momentum_decay"]
        grad = decayed(param, grad, group)
        mu, mu_next = (beta1 * (1.0 - 0.5 * 0.96 ** (n * decay)) for n in (step, step + 1))
        state["mu_product"] *= mu
        mean = state["exp_avg"].lerp_(grad, 1 - beta1)
        square = state["exp_avg_sq"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        root = square.div(1 - beta2**step).sqrt()
        if group["differentiable"]:
            product = state["mu_product"].clone()
            root = root.add(group["eps"])
            param.addcdiv_(grad * (-lr * (1.0 - mu) / (1.0 - product)), root)
            param.addcdiv_(mean * (-lr * mu_next / (1.0 - product * mu_next)), root)
        else:
            product = state["mu_product"].item()
            root.add_(group["eps"])
            param.addcdiv_(grad, root, value=-lr * (1.0 - mu) / (1.0 - product))
            param.addcdiv_(mean, root, value=-lr * mu_next / (1.0 - product * mu_next))
