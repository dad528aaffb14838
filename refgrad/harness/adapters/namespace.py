"""The adapter of a library that speaks torch: its module is all that is needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from refgrad.errors import BackendUnavailable, InvalidBackend, Unsupported
from refgrad.harness.adapters.signatures import SIGNATURES
from refgrad.harness.backend import FORWARD_PATHS, has_path

__all__ = ["NamespaceBackend", "completed"]

Array = np.ndarray[Any, Any]
TO_PLAIN = ("cpu", "resolve_conj", "resolve_neg", "clone")  # PyTorch's numpy() refuses lazy conjugates and zeros


class NamespaceBackend:
    """A backend made of ``module``, which has ``tensor``, ``Tensor``, ``autograd`` and so on as PyTorch does.

    ``device`` becomes the module's default device.
    Errors: ``InvalidBackend`` for a device that is none, ``BackendUnavailable`` for one that is not here.
    """

    homepage = ""

    def __init__(self, module: Any, *, device: str | None = None) -> None:
        self.namespace = module
        self.name = getattr(type(self), "name", module.__name__)
        self.version = str(getattr(module, "__version__", "unknown"))
        self.device = device
        self._to_plain = [step for step in TO_PLAIN if hasattr(module.Tensor, step)]
        if device is not None:
            self._choose(device)

    def _choose(self, device: str) -> None:
        torch = self.namespace
        try:
            chosen = torch.device(device)
        except RuntimeError as error:
            raise InvalidBackend(f"{self.name}: {device!r} is no device: {_first_line(error)}") from error
        try:
            probe = torch.zeros(1, device=chosen)
        except (RuntimeError, AssertionError, ImportError) as error:  # each device has its own way to say no
            says = f"{self.name} {self.version} says: {_first_line(error)}"
            raise BackendUnavailable(f"{self.name}: no device {device!r} on this machine ({says})") from error
        if torch.zeros(1).device != probe.device:  # a default that is set costs every call
            torch.set_default_device(chosen)

    def asarray(self, array: Array) -> Any:
        """A tensor with ``array``'s values and dtype."""
        return self.namespace.tensor(np.array(array))

    def to_numpy(self, value: Any) -> Array:
        """A copy of ``value``, from any device, out of any graph."""
        if not isinstance(value, self.namespace.Tensor):
            return np.array(value)
        value = value.detach()
        for step in self._to_plain:
            value = getattr(value, step)()
        if hasattr(value, "_is_zerotensor") and value._is_zerotensor():  # nor one whose zeros were never written
            value = value.clone()
        if str(value.dtype).endswith("bfloat16"):  # NumPy has no such dtype
            value = value.to(self.namespace.float32)
        return np.array(value.numpy())

    def ops(self) -> dict[str, Callable[..., Any]]:
        """The canonical ops that the module has."""
        return {name: _resolve(self.namespace, name) for name in SIGNATURES if has_path(self.namespace, name)}

    @cached_property
    def nested(self) -> bool:
        """Whether derivatives can be differentiated."""
        return has_path(self.namespace, "autograd.grad")

    def vjp(
        self, fn: Callable[..., Any], primals: tuple[Any, ...], cotangent: Any | None = None
    ) -> tuple[Any, tuple[Any, ...]]:
        """The output of ``fn`` and its gradients; inside another ``vjp`` they are recorded themselves."""
        nested = any(each.requires_grad for each in primals)
        leaves = tuple(each.clone() if nested else each.detach().requires_grad_() for each in primals)
        output = fn(*leaves)
        if not output.requires_grad:
            return output, (None,) * len(primals)
        cotangent = self.namespace.ones_like(output) if cotangent is None else cotangent
        return output, self._gradients(output, leaves, cotangent, nested)

    def _gradients(self, output: Any, leaves: tuple[Any, ...], cotangent: Any, nested: bool) -> tuple[Any, ...]:
        if self.nested:
            return tuple(
                self.namespace.autograd.grad(output, leaves, cotangent, create_graph=nested, allow_unused=True)
            )
        if nested:
            raise Unsupported("create_graph")
        output.backward(cotangent)
        return tuple(leaf.grad for leaf in leaves)

    @property
    def jvp(self) -> Callable[..., tuple[Any, Any]]:
        """The output of ``fn`` and its tangent; there where the module has a forward mode."""
        if has_path(self.namespace, FORWARD_PATHS[0]):
            return self.namespace.func.jvp  # type: ignore[no-any-return]
        if has_path(self.namespace, FORWARD_PATHS[1]):
            return self._dual_jvp
        raise AttributeError(f"{self.name} has no forward mode")

    def _dual_jvp(self, fn: Callable[..., Any], primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
        forward = self.namespace.autograd.forward_ad
        with forward.dual_level():
            output, tangent = forward.unpack_dual(fn(*map(forward.make_dual, primals, tangents)))
        return output, self.namespace.zeros_like(output) if tangent is None else tangent

    def leaf(self, array: Array, requires_grad: bool = True) -> Any:
        """A leaf with a copy of ``array``."""
        return self.namespace.tensor(np.array(array), requires_grad=requires_grad)

    def backward(
        self, tensor: Any, gradient: Any | None = None, *, retain_graph: bool | None = None, create_graph: bool = False
    ) -> None:
        """The tensor's own ``backward``."""
        tensor.backward(gradient, retain_graph=retain_graph, create_graph=create_graph)

    def grad_of(self, tensor: Any) -> Any | None:
        """The tensor's ``.grad``."""
        return tensor.grad

    def set_grad_of(self, tensor: Any, grad: Any | None) -> None:
        """Assign the tensor's ``.grad``."""
        tensor.grad = grad


def completed(backend: Any) -> Any:
    """``backend``, or what a bare ``namespace`` attribute is worth: the methods that follow from the module."""
    namespace = getattr(backend, "namespace", None)
    if namespace is None or all(hasattr(backend, method) for method in ("asarray", "to_numpy", "vjp")):
        return backend
    whole = NamespaceBackend(namespace)
    whole.name, whole.version = backend.name, backend.version
    return whole


def _resolve(module: Any, path: str) -> Any:
    for part in path.split("."):
        module = getattr(module, part)
    return module


def _first_line(error: BaseException) -> str:
    line = str(error).strip().partition("\n")[0] or type(error).__name__
    return line if len(line) <= 160 else line[:157] + "..."
