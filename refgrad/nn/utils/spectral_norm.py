"""Spectral normalization by a hook, the older form of that in ``parametrizations``."""

from __future__ import annotations

from typing import Any

from refgrad.engine import ops
from refgrad.engine.creation import zeros
from refgrad.engine.grad_mode import no_grad
from refgrad.nn import functional as F
from refgrad.nn.parameter import Parameter
from refgrad.nn.utils.parametrizations import as_matrix, rows_of
from refgrad.nn.utils.weight_hook import WeightHook

__all__ = ["remove_spectral_norm", "spectral_norm"]


class SpectralNorm(WeightHook):
    """The hook: the weight over its largest singular value.

    Source: Miyato et al., "Spectral normalization for generative adversarial networks" (2018), algorithm 1.
    """

    title = "spectral_norm"

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        super().__init__(name)
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.n_power_iterations, self.dim, self.eps = n_power_iterations, dim, eps

    def compute_weight(self, module: Any, do_power_iteration: bool) -> Any:
        """The weight over its largest singular value, as far as the iteration has found that."""
        weight, u, v = (getattr(module, f"{self.name}_{part}") for part in ("orig", "u", "v"))
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(F.normalize(ops.mv(matrix.t(), u), dim=0, eps=self.eps))
                    u.copy_(F.normalize(ops.mv(matrix, v), dim=0, eps=self.eps))
                u, v = u.clone(), v.clone()  # the next step writes into them
        return weight / ops.dot(u, ops.mv(matrix, v))

    def start(self, module: Any) -> None:
        """Take the parameter out, and draw the vectors to iterate on."""
        weight = module._parameters[self.name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{self.name}` is None")
        with no_grad():
            draws: Any = [zeros(n, dtype=weight.dtype) for n in as_matrix(weight, self.dim).shape]
            u, v = (F.normalize(each.normal_(0, 1), dim=0, eps=self.eps) for each in draws)
        delattr(module, self.name)
        module.register_parameter(f"{self.name}_orig", weight)
        setattr(module, self.name, weight.data)
        module.register_buffer(f"{self.name}_u", u)
        module.register_buffer(f"{self.name}_v", v)

    def remove(self, module: Any) -> None:
        """Let the weight be a parameter again."""
        with no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        for name in (self.name, *(f"{self.name}_{part}" for part in ("u", "v", "orig"))):
            delattr(module, name)
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, do_power_iteration=module.training))


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Divide a weight by its largest singular value; ``dim`` has its rows.

    Errors: RuntimeError where it is done already; ValueError for no parameter, and for less than one step.
    """
    SpectralNorm.refuse_second(module, name)
    hook = SpectralNorm(name, n_power_iterations, rows_of(module) if dim is None else dim, eps)
    hook.start(module)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Undo ``spectral_norm``.

    Errors: ValueError where it was not done.
    """
    return SpectralNorm.take_off(module, name)
