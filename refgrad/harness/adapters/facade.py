"""``xp``: PyTorch's namespace in front of a backend that has its own, so that one test serves every library.

Nothing is emulated: a name reaches the backend's op or method, or raises ``Unsupported``. What PyTorch spells as an
operator is run as the library's own operator where its arrays have one, so ``x ** 2`` tests their ``**`` and
``xp.pow(x, 2)`` tests ``ops()["pow"]``.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property, lru_cache, wraps
from types import TracebackType
from typing import Any

import numpy as np

from refgrad.errors import Unsupported
from refgrad.harness.adapters.creation import Creation
from refgrad.harness.adapters.precision import require, widest
from refgrad.harness.adapters.signatures import split_arguments
from refgrad.harness.adapters.tensor import Index, Tensor
from refgrad.harness.backend import accepts

__all__ = ["Facade", "GradMode", "facade_of"]

OPERATORS: dict[str, Callable[..., Any]] = {
    "abs": operator.abs, "add": operator.add, "div": operator.truediv, "eq": operator.eq,
    "floor_divide": operator.floordiv, "ge": operator.ge, "getitem": operator.getitem, "gt": operator.gt,
    "le": operator.le, "lt": operator.lt,
    "matmul": operator.matmul, "mul": operator.mul, "ne": operator.ne, "neg": operator.neg, "pow": operator.pow,
    "remainder": operator.mod, "sub": operator.sub, "bitwise_not": operator.invert, "bitwise_and": operator.and_,
    "bitwise_or": operator.or_, "bitwise_xor": operator.xor,
}  # fmt: skip
ALIASES = {  # PyTorch's own synonyms -> the canonical name
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh",
    "clip": "clamp", "concat": "cat", "concatenate": "cat",
    "divide": "div", "fix": "trunc", "ger": "outer", "greater": "gt", "greater_equal": "ge", "less": "lt",
    "less_equal": "le", "linalg.norm": "norm", "moveaxis": "movedim",
    "multiply": "mul", "negative": "neg", "not_equal": "ne",
    "special.expit": "sigmoid", "special.expm1": "expm1", "special.exp2": "exp2", "special.log1p": "log1p",
    "special.logsumexp": "logsumexp", "special.round": "round", "special.sinc": "sinc", "subtract": "sub",
    "swapaxes": "transpose", "swapdims": "transpose", "true_divide": "div",
}  # fmt: skip
DECLINED = ("unsupported operand type", "bad operand type", "not supported between instances")  # Python's words
ROOMS = frozenset({"nn", "nn.functional", "linalg", "special", "fft", "autograd", "autograd.functional", "func"})


class GradMode:
    """A backend's gradient mode, as PyTorch's are: a context, and a decorator that enters it at every call."""

    def __init__(self, make: Callable[[], AbstractContextManager[Any]]) -> None:
        self._make = make
        self._entered: list[AbstractContextManager[Any]] = []

    def __enter__(self) -> None:
        mode = self._make()
        mode.__enter__()
        self._entered.append(mode)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered.pop().__exit__(kind, error, traceback)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(function):
            raise Unsupported("a gradient mode on a generator")

        @wraps(function)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self._make():
                return function(*args, **kwargs)

        return decorated


class Room:
    """A part of the namespace under its own name, as ``nn.functional``."""

    def __init__(self, facade: Facade, path: str) -> None:
        self._facade, self._path = facade, path

    def __getattr__(self, name: str) -> Any:
        return self._facade.find(f"{self._path}.{name}")


class Facade(Creation):
    """PyTorch's words over ``backend``'s own calls."""

    Tensor: type = Tensor

    def __init__(self, backend: Any) -> None:
        self._backend = backend
        self._fitting = dict[tuple[int, int, tuple[str, ...]], bool]()

    @cached_property
    def _ops(self) -> dict[str, Callable[..., Any]]:
        return dict(self._backend.ops())

    @cached_property
    def _inplace(self) -> dict[str, Callable[..., Any]]:
        return dict(self.feature("inplace", "in-place operations")())

    def __repr__(self) -> str:
        return f"<torch's words over {self._backend.name}>"

    def __getattr__(self, name: str) -> Any:
        return self.find(name)

    def find(self, path: str) -> Any:
        """The function, or the room, at a dotted path of PyTorch's namespace."""
        if path.rpartition(".")[2].startswith("__"):
            raise AttributeError(path)
        if path in ROOMS:
            return Room(self, path)
        if path == "autograd.grad":
            return self.autograd_grad
        name = self.canonical(path)
        return lambda *args, **kwargs: self.call(name, args, kwargs)

    def canonical(self, path: str) -> str:
        """The name under which the backend has the op that PyTorch calls ``path``.

        Errors: ``Unsupported`` where it has none.
        """
        last = path.rpartition(".")[2]
        candidates = [path, ALIASES.get(path, path), last, ALIASES.get(last, last), f"nn.functional.{path}"]
        if path.startswith(("linalg.", "fft.", "func.")):  # linalg.cross is not cross
            candidates = candidates[:2]
        for name in candidates:
            if name in self._ops or name in OPERATORS:
                return name
        raise Unsupported(path)

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run the op that PyTorch calls so, with PyTorch's arguments."""
        if name in ("max", "min") and len(args) == 2 and isinstance(args[1], Tensor):
            name = f"{name}imum"
        tensors, parameters = split_arguments(name, args, kwargs)
        if name in self._ops:
            return self.run(name, self._ops[name], tensors, parameters)
        if parameters:
            raise Unsupported(f"{name}({', '.join(parameters)})")
        return self.operate(name, *tensors)

    def operate(self, name: str, *operands: Any) -> Any:
        """Run an operator: the library's own where one of the operands has it, else the op of that name."""
        given = name == "getitem" and name in self._ops  # by an adapter that knows what the library takes for an index
        own = not given and any(has_operator(each, name, place) for place, each in enumerate(operands))
        if not own and name not in self._ops:
            raise Unsupported(name)
        try:
            return self.run(name, OPERATORS[name] if own else self._ops[name], operands, {})
        except TypeError as error:
            if own and any(said in str(error) for said in DECLINED):  # by the operands' own methods
                raise Unsupported(name, str(error)) from error
            raise

    def run(self, name: str, op: Callable[..., Any], tensors: Any, parameters: dict[str, Any]) -> Any:
        """Call the backend's ``op`` on unwrapped arguments; an argument that it does not take, or have, is unsupported."""
        for value in parameters.values():
            if isinstance(value, np.dtype):
                require(value, widest(self._backend))
        if not self.fits(op, len(tensors), tuple(parameters)):
            raise Unsupported(f"{name}({', '.join(parameters) or f'{len(tensors)} tensors'})")
        unwrapped = {key: self.unwrap(value) for key, value in parameters.items()}
        try:
            return self.wrap(op(*map(self.unwrap, tensors), **unwrapped))
        except Unsupported:
            raise
        except NotImplementedError as error:
            raise Unsupported(name, str(error)) from error

    def fits(self, op: Callable[..., Any], positional: int, keywords: tuple[str, ...]) -> bool:
        """Whether ``op``, which stays, can be called so; found once, for reading a signature outlasts most ops."""
        call = id(op), positional, keywords
        if call not in self._fitting:
            self._fitting[call] = fits(op, positional, keywords)
        return self._fitting[call]

    def wrap(self, value: Any) -> Any:
        """The library's own value as a tensor of this namespace; tuples stay the tuples they are."""
        if value is None or isinstance(value, Tensor):
            return value
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*map(self.wrap, value))
        if isinstance(value, list | tuple):
            return tuple(map(self.wrap, value))
        return Tensor(value, self)

    def unwrap(self, value: Any) -> Any:
        """The library's own value inside ``value``; NumPy's arrays become the library's."""
        if isinstance(value, Tensor):
            return value.raw
        if isinstance(value, Index):
            return value.plain
        if isinstance(value, np.ndarray):
            return self._backend.asarray(value)
        if isinstance(value, list | tuple) and any(isinstance(each, Tensor | list | tuple) for each in value):
            parts = map(self.unwrap, value)
            return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        return value

    def to_numpy(self, raw: Any) -> np.ndarray[Any, Any]:
        """A copy of the library's own value as an ndarray."""
        return np.asarray(self._backend.to_numpy(raw))

    def feature(self, method: str, feature: str) -> Callable[..., Any]:
        """An optional method of the backend.

        Errors: ``Unsupported`` where it is not there.
        """
        found = getattr(self._backend, method, None)
        if not callable(found):
            raise Unsupported(feature)
        return found  # type: ignore[no-any-return]

    def flags(self, function: Callable[..., Any], **given: Any) -> dict[str, Any]:
        """Of the flags ``given``, those that say something; a yes to a flag that is not there is unsupported."""
        for flag, value in given.items():
            if value and not accepts(function, flag):
                raise Unsupported(flag)
        return {flag: value for flag, value in given.items() if value is not None and accepts(function, flag)}

    def inplace(self, name: str, target: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the backend's in-place op on ``target``, which stays the same tensor."""
        if name not in self._inplace:
            raise Unsupported(name)
        result = self._inplace[name](target.raw, *map(self.unwrap, args), **kwargs)
        target.raw = target.raw if result is None else result
        return target

    def no_grad(self, function: Callable[..., Any] | None = None) -> Any:
        """``torch.no_grad``, as a context or a decorator."""
        mode = GradMode(self.feature("no_grad", "no_grad"))
        return mode if function is None else mode(function)

    def enable_grad(self, function: Callable[..., Any] | None = None) -> Any:
        """``torch.enable_grad``, as a context or a decorator."""
        mode = GradMode(self.feature("enable_grad", "enable_grad"))
        return mode if function is None else mode(function)

    def set_grad_enabled(self, mode: bool) -> Any:
        """``torch.set_grad_enabled``."""
        return self.feature("set_grad_enabled", "set_grad_enabled")(mode)

    def is_grad_enabled(self) -> bool:
        """``torch.is_grad_enabled``."""
        return bool(self.feature("is_grad_enabled", "is_grad_enabled")())

    def autograd_grad(self, outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None,
                      create_graph: bool = False, allow_unused: bool | None = None) -> Any:  # fmt: skip
        """``torch.autograd.grad``."""
        grad = self.feature("grad", "autograd.grad")
        flags = self.flags(
            grad, retain_graph=retain_graph, create_graph=create_graph or None, allow_unused=allow_unused
        )
        inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        return self.wrap(tuple(grad(self.unwrap(outputs), self.unwrap(inputs), self.unwrap(grad_outputs), **flags)))

    @staticmethod
    def is_tensor(value: Any) -> bool:
        """``torch.is_tensor``."""
        return isinstance(value, Tensor)

    def equal(self, input: Any, other: Any) -> bool:
        """``torch.equal``."""
        return bool(np.array_equal(self.to_numpy(input.raw), self.to_numpy(other.raw)))

    def allclose(self, input: Any, other: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
        """``torch.allclose``."""
        return bool(np.allclose(self.to_numpy(input.raw), self.to_numpy(other.raw), rtol=rtol, atol=atol))


DUNDER = {
    "div": "truediv", "floor_divide": "floordiv", "remainder": "mod", "bitwise_not": "invert", "bitwise_and": "and",
    "bitwise_or": "or", "bitwise_xor": "xor",
}  # fmt: skip
SWAPPED = {"eq": "eq", "ge": "le", "gt": "lt", "le": "ge", "lt": "gt", "ne": "ne"}


def has_operator(operand: Any, name: str, place: int) -> bool:
    """Whether a tensor of the library has Python's operator for ``name``, the reflected one in second place."""
    if not isinstance(operand, Tensor):
        return False
    plain = DUNDER.get(name, name)
    dunder = f"__{plain}__" if place == 0 else f"__{SWAPPED.get(name, f'r{plain}')}__"
    found = getattr(type(operand.raw), dunder, None)
    return found is not None and found is not getattr(object, dunder, None)  # the == of every object is none


def fits(op: Callable[..., Any], positional: int, keywords: tuple[str, ...]) -> bool:
    """Whether ``op`` can be called with so many arguments and these keywords; one without a readable signature can."""
    try:
        inspect.signature(op).bind(*range(positional), **dict.fromkeys(keywords))
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def facade_of(backend: Any) -> Facade:
    """PyTorch's words over ``backend``, made once: to read its ops and their signatures takes longer than most programs."""
    try:
        return _made(backend)
    except TypeError:  # one that is no key
        return Facade(backend)


_made = lru_cache(maxsize=16)(Facade)
