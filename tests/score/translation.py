"""From PyTorch to refgrad: the values of a sample, and the functions that a record of the database is made of."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import refgrad

TESTING = "torch.testing._"


class Missing(Exception):
    """A name that refgrad does not have."""


def resolve(root: Any, path: str) -> Any:
    """What ``root`` has at a dotted ``path``.

    Errors: ``Missing`` where a part of it is not there.
    """
    for part in path.split("."):
        try:
            root = getattr(root, part)
        except (AttributeError, ImportError):
            raise Missing(path) from None
    return root


def function_of(op: Any) -> Callable[..., Any]:
    """What refgrad calls the op of a record: the same path, else a method, else the record's own words run on refgrad."""
    if is_testing(op.op) or isinstance(op.op, functools.partial | types.MethodDescriptorType):
        return spoken(op.op)
    try:
        return resolve(refgrad, op.name)
    except Missing:
        return method(op.name)


def method(name: str) -> Callable[..., Any]:
    if not hasattr(refgrad.Tensor, name):
        raise Missing(name)
    return lambda input, *args, **kwargs: getattr(input, name)(*args, **kwargs)


def is_testing(function: Any) -> bool:
    return isinstance(function, types.FunctionType) and (function.__module__ or "").startswith(TESTING)


def spoken(function: Any) -> Any:
    """A function of PyTorch's test database with ``torch`` meaning refgrad; one of PyTorch's own by its path."""
    if isinstance(function, functools.partial):
        return functools.partial(
            spoken(function.func), *map(spoken, function.args), **{k: spoken(v) for k, v in function.keywords.items()}
        )
    if is_testing(function):
        return SUBSTITUTES.get(function.__name__) or rebound(function)
    if isinstance(function, types.ModuleType) and function.__name__.split(".")[0] == "torch":
        return resolve(refgrad, function.__name__.partition(".")[2]) if "." in function.__name__ else refgrad
    if isinstance(function, types.BuiltinFunctionType | types.FunctionType) and from_torch(function):
        return by_path(function)
    if isinstance(function, types.MethodDescriptorType) and function.__objclass__.__name__ in ("TensorBase", "Tensor"):
        return method(function.__name__)
    return function


def from_torch(function: Any) -> bool:
    return (getattr(function, "__module__", None) or "").split(".")[0] == "torch"


def by_path(function: Any) -> Any:
    for room in (function.__module__.removeprefix("torch").lstrip("."), "", "nn.functional"):
        if room.startswith("_C"):
            room = room.removeprefix("_C").lstrip("._")
        try:
            return resolve(refgrad, f"{room}.{function.__name__}".lstrip("."))
        except Missing:
            continue
    raise Missing(function.__name__)


def rebound(function: types.FunctionType) -> types.FunctionType:
    """``function`` with the globals and the closure that it uses translated."""
    used = {name: function.__globals__[name] for name in names_in(function.__code__) if name in function.__globals__}
    scope = {**function.__globals__, **{name: spoken(value) for name, value in used.items()}}
    cells = tuple(types.CellType(spoken(cell.cell_contents)) for cell in function.__closure__ or ())
    made = types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, cells)
    made.__kwdefaults__ = function.__kwdefaults__
    return made


def wrapper_set_seed(op: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    refgrad.manual_seed(42)
    return op(*args, **kwargs)


SUBSTITUTES = {"wrapper_set_seed": wrapper_set_seed}  # PyTorch's own asks for devices that refgrad has not


def names_in(code: types.CodeType) -> set[str]:
    inner = [each for each in code.co_consts if isinstance(each, types.CodeType)]
    return set(code.co_names).union(*map(names_in, inner))


class Translator:
    """Copies a sample's values for one of the two; what is the same tensor in the sample stays one tensor."""

    def __init__(self, mine: bool) -> None:
        self.mine = mine
        self.seen: dict[int, Any] = {}

    def __call__(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if id(value) not in self.seen:
                self.seen[id(value)] = self.tensor(value)
            return self.seen[id(value)]
        if isinstance(value, list | tuple) and type(value) in (list, tuple):
            return type(value)(map(self, value))
        if isinstance(value, dict):
            return {key: self(each) for key, each in value.items()}
        return self.plain(value) if self.mine else value

    def leaves(self) -> list[Any]:
        """The tensors that a gradient is asked for."""
        return [each for each in self.seen.values() if each.requires_grad]

    def tensor(self, value: torch.Tensor) -> Any:
        """A leaf with the values and the strides of ``value``."""
        plain = value.detach().resolve_conj().resolve_neg()
        base = torch.empty(0, dtype=plain.dtype).set_(plain.untyped_storage()).clone()
        if self.mine:
            made = from_torch_values(base)
            strided = made.as_strided(tuple(plain.shape), plain.stride(), plain.storage_offset()).detach()
        else:
            strided = base.as_strided(plain.shape, plain.stride(), plain.storage_offset()).detach()
        return strided.requires_grad_() if value.requires_grad else strided

    def plain(self, value: Any) -> Any:
        """What is no tensor: dtypes and formats by name, modules by class, functions by path."""
        if isinstance(value, torch.dtype | torch.memory_format | torch.layout):
            return resolve(refgrad, str(value).removeprefix("torch."))
        if isinstance(value, torch.Size):
            return tuple(value)
        if isinstance(value, torch.device):
            return str(value)
        if isinstance(value, torch.nn.PairwiseDistance):
            return resolve(refgrad, "nn.PairwiseDistance")(value.norm, value.eps, value.keepdim)
        if type(value).__module__.startswith("torch.nn.modules"):
            raise Missing(f"nn.{type(value).__name__}")
        return spoken(value)


def from_torch_values(base: torch.Tensor) -> Any:
    if base.dtype in (torch.bfloat16, torch.complex32):
        wide = base.to(torch.float32 if base.dtype is torch.bfloat16 else torch.complex64)
        return refgrad.from_numpy(wide.numpy()).to(resolve(refgrad, str(base.dtype).removeprefix("torch.")))
    return refgrad.from_numpy(np.array(base.numpy()))


def numpy_of(value: Any) -> np.ndarray[Any, Any]:
    """The values of a tensor of either; a dtype that NumPy lacks as the next wider one."""
    value = value.detach()
    for wide, narrow in {"float32": "bfloat16", "complex64": "complex32"}.items():
        if str(value.dtype) == f"torch.{narrow}":
            value = value.to(getattr(torch if isinstance(value, torch.Tensor) else refgrad, wide))
    if isinstance(value, torch.Tensor):
        value = value.resolve_conj().resolve_neg()
    return np.array(value.numpy(force=True))
