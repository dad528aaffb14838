"""The adapter base of an eager library with tensors of its own, and how its tape answers a functional question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from refgrad.harness.adapters.numpy_ops import numpy_ops
from refgrad.harness.backend import accepts

__all__ = ["TapeBackend", "nested_vjp", "tape_vjp"]

Array = np.ndarray[Any, Any]
Fn = Callable[..., Any]


def tape_vjp(
    backend: Any, fn: Fn, primals: tuple[Any, ...], cotangent: Any | None = None
) -> tuple[Any, tuple[Any, ...]]:
    """``vjp`` by the backend's own ``leaf``, ``backward`` and ``grad_of``."""
    leaves = tuple(backend.leaf(backend.to_numpy(each), requires_grad=True) for each in primals)
    output = fn(*leaves)
    value = np.asarray(backend.to_numpy(output))
    if cotangent is None and value.ndim:  # None stands for ones; a scalar's the library supplies itself
        cotangent = backend.asarray(np.ones_like(value))
    backend.backward(output, cotangent)
    return backend.asarray(value), tuple(backend.grad_of(leaf) for leaf in leaves)


def nested_vjp(
    backend: Any, fn: Fn, primals: tuple[Any, ...], cotangent: Any | None = None
) -> tuple[Any, tuple[Any, ...]]:
    """``vjp`` by the backend's own ``grad``; inside another ``vjp`` it is recorded itself."""
    inside = any(map(backend.requires_grad, primals))
    leaves = primals if inside else tuple(backend.leaf(backend.to_numpy(each)) for each in primals)
    output = fn(*leaves)
    if not backend.requires_grad(output):
        return output, (None,) * len(primals)
    if cotangent is None:
        cotangent = backend.asarray(np.ones_like(backend.to_numpy(output)))
    return output, tuple(backend.grad(output, leaves, cotangent, create_graph=inside, allow_unused=True))


class TapeBackend:
    """What adapters of eager libraries repeat: ops spelled as NumPy's, and ``vjp`` made of the tape.

    ``array_module`` is the library's module; ``exceptions`` are the ops that it spells otherwise (None: has not).
    One whose ``grad`` takes ``create_graph`` differentiates derivatives, too.
    """

    name = version = homepage = ""
    array_module: Any
    exceptions: ClassVar[Mapping[str, Fn | None]] = {}

    def ops(self) -> dict[str, Fn]:
        """The library's ops under PyTorch's names."""
        return numpy_ops(self.array_module, self.exceptions)

    @property
    def nested(self) -> bool:
        """Whether derivatives can be differentiated."""
        grad = getattr(self, "grad", None)
        return grad is not None and accepts(grad, "create_graph")

    def vjp(self, fn: Fn, primals: tuple[Any, ...], cotangent: Any | None = None) -> tuple[Any, tuple[Any, ...]]:
        """The output of ``fn`` and the gradients that the tape leaves with the leaves."""
        return (nested_vjp if self.nested else tape_vjp)(self, fn, primals, cotangent)
