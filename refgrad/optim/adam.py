"""Adam: steps scaled by running means of the gradient and of its square."""

from __future__ import annotations

from typing import Any

from refgrad.engine import ops
from refgrad.engine.creation import zeros_like
from refgrad.engine.tensor import Tensor
from refgrad.optim.optimizer import (
    ElementwiseOptimizer,
    as_number,
    check_betas,
    check_kernels,
    check_options,
    check_rate,
    decayed,
    first_step,
)

__all__ = ["Adam"]


class Adam(ElementwiseOptimizer):
    """The mean gradient over the root of the mean square, both without the bias of their start.

    Source: Kingma and Ba, "Adam: a method for stochastic optimization" (2015), algorithm 1; ``amsgrad``: Reddi et al.,
    "On the convergence of Adam and beyond" (2018), algorithm 2, without its projection.
    Errors: ValueError for options out of range.
    """

    def __init__(
        self, params: Any, lr: Any = 0.001, betas: Any = (0.9, 0.999), eps: float = 1e-08, weight_decay: float = 0,
        amsgrad: bool = False, *, foreach: bool | None = None, maximize: bool = False, capturable: bool = False,
        differentiable: bool = False, fused: bool | None = None, decoupled_weight_decay: bool = False,
    ) -> None:  # fmt: skip
        if isinstance(lr, Tensor) and foreach and not capturable:
            raise ValueError("lr as a Tensor is not supported for capturable=False and foreach=True")
        check_rate(lr)
        check_options(eps=("epsilon value", eps))
        check_betas(betas)
        check_options(weight_decay=("weight_decay value", weight_decay))
        if isinstance(betas[0], Tensor) != isinstance(betas[1], Tensor) or any(isinstance(b, int) for b in betas):
            raise ValueError("betas must be either both floats or both Tensors")
        defaults = {
            "lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
            "maximize": maximize, "foreach": foreach, "capturable": capturable, "differentiable": differentiable,
            "fused": fused, "decoupled_weight_decay": decoupled_weight_decay,
        }  # fmt: skip
        super().__init__(params, defaults)
        check_kernels(fused=fused, foreach=foreach, differentiable=differentiable)

    def _state_of(self, param: Any, group: dict[str, Any]) -> dict[str, Any]:
        state: dict[str, Any] = self.state[param]
        if not state:
            state.update(step=first_step(), exp_avg=zeros_like(param), exp_avg_sq=zeros_like(param))
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = zeros_like(param)
        return state

    def update(self, param: Any, grad: Any, group: dict[str, Any]) -> None:
        state, lr = self._state_of(param, group), as_number(group["lr"])
        beta1, beta2 = (as_number(beta) for beta in group["betas"])
        state["step"] += 1
        grad = decayed(param, grad, group)
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        if group["amsgrad"]:
            largest = state["max_exp_avg_sq"]
            square = largest.copy_(ops.maximum(largest.clone() if group["differentiable"] else largest, square))
        if group["differentiable"]:
            _recorded_step(param, mean.clone(), square.clone(), state["step"], lr, beta1, beta2, group["eps"])
            return
        step = state["step"].item()
        denominator = (square.sqrt() / (1 - beta2**step) ** 0.5).add_(group["eps"])
        param.addcdiv_(mean, denominator, value=-(lr / (1 - beta1**step)))


def _recorded_step(param: Any, mean: Any, square: Any, step: Any, lr: Any, beta1: Any, beta2: Any, eps: float) -> None:
    """The last lines of ``update`` in tensors throughout, with nothing that later steps would overwrite."""
    step_size = -(lr / (1 - beta1**step))
    denominator = (square.sqrt() / ((1 - beta2**step).sqrt() * step_size)).add_(eps / step_size)
    param.addcdiv_(mean, denominator)
