"""What a backend is: plain attributes and methods, grouped into profiles that are found by structure.

A backend needs no base class. It names itself (``name``, ``version``, ``homepage``) and has as many of these methods as
its library can honestly answer; what it lacks is counted as unsupported or not applicable, never as passed.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from refgrad.errors import InvalidBackend

__all__ = [
    "Backend",
    "CoreBackend",
    "ForwardBackend",
    "HigherBackend",
    "Identity",
    "NamespaceLike",
    "TapeLike",
    "accepts",
    "capabilities",
    "has_graph",
    "has_path",
    "identity",
    "profiles",
    "record_again",
    "validate",
]

Array = np.ndarray[Any, Any]
Ops = Mapping[str, Callable[..., Any]]

IDENTITY = ("name", "version", "homepage")
CONVERSIONS = ("asarray", "to_numpy")
TAPE = ("leaf", "backward", "grad_of")

FEATURES = {  # capability -> the adapter's method that proves it, the path that proves it in a module that speaks torch
    "autograd.grad": ("grad", "autograd.grad"),
    "detach": ("detach", "Tensor.detach"),
    "enable_grad": ("enable_grad", "enable_grad"),
    "grad_fn": ("grad_fn", "Tensor.grad_fn"),
    "hooks": ("register_hook", "Tensor.register_hook"),
    "inplace": ("inplace", "Tensor.add_"),
    "is_grad_enabled": ("is_grad_enabled", "is_grad_enabled"),
    "is_leaf": ("is_leaf", "Tensor.is_leaf"),
    "no_grad": ("no_grad", "no_grad"),
    "requires_grad": ("requires_grad", "Tensor.requires_grad"),
    "requires_grad_": ("requires_grad_", "Tensor.requires_grad_"),
    "retain_grad": ("retain_grad", "Tensor.retain_grad"),
    "set_grad": ("set_grad_of", "Tensor.grad"),
    "set_grad_enabled": ("set_grad_enabled", "set_grad_enabled"),
    "zero_grad": ("zero_grad_of", "Tensor.zero_"),
}
FORWARD_PATHS = ("func.jvp", "autograd.forward_ad.make_dual")


class Backend(Protocol):
    """Every backend: what it is called, and where it comes from.

    ``expectations`` (optional) names the file of its declared gaps, where several adapters lie in one folder.
    One that traces functions, and cannot take an array of NumPy's in one, says ``constants_first = True``.
    One that computes in nothing wider than float32 says so with ``widest = "float32"``: it is given nothing wider, and
    held to no more.
    ``lacking`` are words of its errors that say "there is no such thing", where these are no NotImplementedError.
    """

    name: str
    version: str
    homepage: str


class CoreBackend(Backend, Protocol):
    """Profile ``core``: values and vector-Jacobian products.

    Optional: ``value(fn, primals)``, where ``fn`` is not simply called; ``words``, the module that functions are
    written with where it speaks torch.
    """

    def asarray(self, array: Array) -> Any:
        """The library's own array (or tensor) with the values and the dtype of ``array``."""

    def to_numpy(self, value: Any) -> Array:
        """A copy of ``value`` as a NumPy array, taken out of any graph or trace."""

    def ops(self) -> Ops:
        """Callables on the library's arrays, by PyTorch's name: ``{"exp": lib.exp, "sum": lambda x, dim=None: ...}``.

        Arithmetic, comparison and indexing may be left out: Python's operators are used for them.
        """

    def vjp(
        self, fn: Callable[..., Any], primals: tuple[Any, ...], cotangent: Any | None
    ) -> tuple[Any, tuple[Any, ...]]:
        """The output of ``fn(*primals)``, and one gradient (or None for an unused input) a primal.

        ``cotangent`` is an array of the output's shape; None stands for ones.
        """


class ForwardBackend(CoreBackend, Protocol):
    """Profile ``forward``: Jacobian-vector products."""

    def jvp(self, fn: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        """The output of ``fn(*primals)`` and its tangent."""


class HigherBackend(CoreBackend, Protocol):
    """Profile ``higher``: ``vjp`` works inside the ``fn`` of another, or ``backward`` takes ``create_graph``."""

    nested: bool


class TapeLike(Backend, Protocol):
    """Profile ``tape``: eager tensors that remember how they were made; with the first three methods, ``vjp`` is free.

    ``backward`` declares ``retain_graph`` and ``create_graph`` only where the library has them. The rest of a tape is
    optional, a method a feature: ``set_grad_of(tensor, grad)``, ``zero_grad_of(tensor)``, ``requires_grad(tensor)``,
    ``requires_grad_(tensor, requires_grad)``, ``is_leaf(tensor)``, ``grad_fn(tensor)``, ``detach(tensor)``,
    ``retain_grad(tensor)``, ``register_hook(tensor, hook)``, ``no_grad()``, ``enable_grad()``,
    ``set_grad_enabled(mode)``, ``is_grad_enabled()``, ``inplace()`` (``{"add_": callable, "__setitem__": callable}``)
    and ``grad(outputs, inputs, grad_outputs, ...)``.
    """

    def leaf(self, array: Array, requires_grad: bool = True) -> Any:
        """A new tensor with a copy of ``array``'s values."""

    def backward(self, tensor: Any, gradient: Any | None = None) -> None:
        """Differentiate ``tensor`` and leave the gradients with the leaves."""

    def grad_of(self, tensor: Any) -> Any | None:
        """What ``.grad`` is in PyTorch."""

    def no_grad(self) -> AbstractContextManager[Any]:
        """A context in which nothing is recorded (optional)."""


class NamespaceLike(Backend, Protocol):
    """Profile ``namespace``: one module that speaks torch, to the letter of its names and keywords."""

    namespace: Any


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a backend is."""

    name: str
    version: str
    homepage: str


def identity(backend: Any) -> Identity:
    """The identity block of a backend."""
    return Identity(*(str(getattr(backend, field, "")) for field in IDENTITY))


def accepts(function: Callable[..., Any], keyword: str) -> bool:
    """Whether ``function`` takes ``keyword``; one whose signature cannot be read is taken at its word."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return True
    return keyword in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def has_path(module: Any, path: str) -> bool:
    """Whether ``module`` has the dotted ``path``."""
    for part in path.split("."):
        if not hasattr(module, part):
            return False
        module = getattr(module, part)
    return True


def profiles(backend: Any) -> frozenset[str]:
    """The profiles that a backend's own attributes and methods prove.

    A module that speaks torch has ``core`` and ``tape`` for free; ``forward`` and ``higher`` it must have.
    """
    namespace = getattr(backend, "namespace", None)
    if namespace is not None:
        return _namespace_profiles(namespace)
    tape = _has(backend, *TAPE)
    if not _has(backend, *CONVERSIONS, "ops") or not (tape or _has(backend, "vjp")):
        return frozenset()
    found = {"core": True, "tape": tape, "forward": _has(backend, "jvp"), "higher": _higher(backend, tape)}
    return frozenset(profile for profile, present in found.items() if present)


def has_graph(backend: Any) -> bool:
    """Whether its tensors remember: a library of pure functions has zeros where PyTorch has no gradient."""
    return getattr(backend, "namespace", None) is not None or "tape" in profiles(backend)


def capabilities(backend: Any) -> frozenset[str]:
    """The profiles of a backend and the single features it has, as ``no_grad``, ``retain_graph`` or ``inplace``."""
    namespace = getattr(backend, "namespace", None)
    if namespace is not None:
        features = {feature for feature, (_, path) in FEATURES.items() if has_path(namespace, path)}
        backward = getattr(getattr(namespace, "Tensor", None), "backward", None)
    else:
        features = {feature for feature, (method, _) in FEATURES.items() if _has(backend, method)}
        backward = getattr(backend, "backward", None)
    flags = {flag for flag in ("retain_graph", "create_graph") if backward is not None and accepts(backward, flag)}
    return profiles(backend) | features | flags


def record_again(backend: Any) -> None:
    """Let gradients be recorded, also where an error has left the backend's gradient mode off."""
    modes = getattr(backend, "namespace", None) or backend
    if _has(modes, "is_grad_enabled", "set_grad_enabled") and not modes.is_grad_enabled():
        modes.set_grad_enabled(True)


def validate(backend: Any, spec: str) -> None:
    """Refuse an object that is no backend, naming everything it lacks at once.

    Errors: ``InvalidBackend`` where the identity block or every profile is incomplete.
    """
    lacking = [field for field in IDENTITY if not isinstance(getattr(backend, field, None), str)]
    namespace = getattr(backend, "namespace", None)
    if namespace is not None:
        lacking += [f"namespace.{name}" for name in ("tensor", "Tensor") if not hasattr(namespace, name)]
    if not profiles(backend):
        lacking += [f"{method}()" for method in (*CONVERSIONS, "ops", "vjp") if not _has(backend, method)]
    if lacking:
        raise InvalidBackend(
            f"{spec}: a backend lacks {', '.join(lacking)} (the least one has {', '.join(IDENTITY)}, "
            "and either namespace or asarray, to_numpy, ops, vjp)"
        )


def _namespace_profiles(module: Any) -> frozenset[str]:
    forward = {"forward"} if any(has_path(module, path) for path in FORWARD_PATHS) else set()
    higher = {"higher"} if has_path(module, "autograd.grad") else set()
    return frozenset({"core", "tape", "namespace"} | forward | higher)


def _has(backend: Any, *methods: str) -> bool:
    return all(callable(getattr(backend, method, None)) for method in methods)


def _higher(backend: Any, tape: bool) -> bool:
    return bool(getattr(backend, "nested", False)) or (tape and accepts(backend.backward, "create_graph"))
