"""Weight normalization by a hook, the older form of that in ``parametrizations``."""

from __future__ import annotations

import warnings
from typing import Any

from refgrad.nn.parameter import Parameter
from refgrad.nn.utils.parametrizations import norm_except_dim
from refgrad.nn.utils.weight_hook import WeightHook

__all__ = ["remove_weight_norm", "weight_norm"]


class WeightNorm(WeightHook):
    """The hook: the weight from its lengths and directions."""

    title = "weight_norm"

    def __init__(self, name: str, dim: int | None) -> None:
        super().__init__(name)
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Any) -> Any:
        """The weight, from its lengths and directions."""
        g, v = (getattr(module, f"{self.name}_{part}") for part in "gv")
        return v * (g / norm_except_dim(v, self.dim))

    def remove(self, module: Any) -> None:
        """Let the weight be a parameter again."""
        weight = self.compute_weight(module)
        for name in (self.name, f"{self.name}_g", f"{self.name}_v"):
            delattr(module, name)
        setattr(module, self.name, Parameter(weight.data))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Learn lengths and directions of a weight apart; deprecated by ``parametrizations.weight_norm``.

    Errors: RuntimeError where it is done already.
    """
    told = "`torch.nn.utils.weight_norm` is deprecated in favor of `torch.nn.utils.parametrizations.weight_norm`."
    warnings.warn(told, FutureWarning, stacklevel=2)
    WeightNorm.refuse_second(module, name)
    hook = WeightNorm(name, dim)
    weight = getattr(module, name)
    delattr(module, name)
    module.register_parameter(f"{name}_g", Parameter(norm_except_dim(weight, hook.dim).data))
    module.register_parameter(f"{name}_v", Parameter(weight.data))
    hook(module, None)
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Undo ``weight_norm``.

    Errors: ValueError where it was not done.
    """
    return WeightNorm.take_off(module, name)
