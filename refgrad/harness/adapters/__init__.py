"""Between a backend and a test: optional bases for adapters, the two faces that a test sees, ``xp``, ``calculus``."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.errors import NotApplicable
from refgrad.harness.adapters.calculus import Calculus
from refgrad.harness.adapters.facade import Facade, facade_of
from refgrad.harness.adapters.functional import FunctionalBackend
from refgrad.harness.adapters.method_ops import method_ops
from refgrad.harness.adapters.namespace import NamespaceBackend, completed
from refgrad.harness.adapters.numpy_ops import axis_of, numpy_ops
from refgrad.harness.adapters.scipy_ops import scipy_ops
from refgrad.harness.adapters.tape import TapeBackend, tape_vjp
from refgrad.harness.adapters.tensor import Tensor
from refgrad.harness.backend import profiles

__all__ = [
    "Calculus",
    "Facade",
    "FunctionalBackend",
    "NamespaceBackend",
    "TapeBackend",
    "axis_of",
    "calculus",
    "facade",
    "method_ops",
    "numpy_ops",
    "scipy_ops",
    "tape_vjp",
    "to_numpy",
]


def facade(backend: Any) -> Any:
    """PyTorch's namespace for tests: the module of a backend that speaks torch, a thin one over any other tape.

    Errors: ``NotApplicable`` for a functional backend, which has no tensors that remember.
    """
    namespace = getattr(backend, "namespace", None)
    if namespace is not None:
        return namespace
    if "tape" not in profiles(backend):
        raise NotApplicable(f"{backend.name} has no tape: it answers functional questions only")
    return facade_of(backend)


def calculus(backend: Any) -> Calculus:
    """The functional questions, for every backend."""
    return Calculus(backend)


def to_numpy(backend: Any, value: Any) -> np.ndarray[Any, Any]:
    """A copy of any tensor of ``backend``, or of its facade, as an ndarray."""
    if isinstance(value, Tensor):
        value = value.raw
    return np.asarray(completed(backend).to_numpy(value))
