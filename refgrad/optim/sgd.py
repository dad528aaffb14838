"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from refgrad.engine.tensor import Tensor
from refgrad.optim.optimizer import ElementwiseOptimizer, as_number, check_kernels, check_options, check_rate

__all__ = ["SGD"]


class SGD(ElementwiseOptimizer):
    """Steps against the gradient, with momentum if asked for.

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning" (2013), with the
    learning rate outside the momentum buffer, as in torch 2.13.0.
    Errors: ValueError for options out of range.
    """

    def __init__(
        self, params: Any, lr: Any = 0.001, momentum: float = 0, dampening: float = 0, weight_decay: Any = 0,
        nesterov: bool = False, *, maximize: bool = False, foreach: bool | None = None, differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:  # fmt: skip
        check_rate(lr)
        check_options(momentum=("momentum value", momentum), weight_decay=("weight_decay value", weight_decay))
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay, "nesterov": nesterov,
            "maximize": maximize, "foreach": foreach, "differentiable": differentiable, "fused": fused,
        }  # fmt: skip
        super().__init__(params, defaults)
        check_kernels(fused=fused, foreach=foreach, differentiable=differentiable)

    def update(self, param: Any, grad: Any, group: dict[str, Any]) -> None:
        weight_decay, momentum, lr = as_number(group["weight_decay"]), group["momentum"], as_number(group["lr"])
        if isinstance(weight_decay, Tensor):
            grad = grad.addcmul(param.clone(), weight_decay)
        elif weight_decay != 0:
            grad = grad.add(param, alpha=weight_decay)
        if momentum != 0:
            grad = self._with_momentum(param, grad, momentum, group)
        if isinstance(lr, Tensor):
            param.addcmul_(grad, lr, value=-1)
        else:
            param.add_(grad, alpha=-lr)

    def _with_momentum(self, param: Any, grad: Any, momentum: float, group: dict[str, Any]) -> Any:
        state = self.state[param]
        buffer = state.get("momentum_buffer")
        if buffer is None:
            buffer = state["momentum_buffer"] = grad.detach().clone()
        else:
            buffer.mul_(momentum).add_(grad, alpha=1 - group["dampening"])
        return grad.add(buffer, alpha=momentum) if group["nesterov"] else buffer
