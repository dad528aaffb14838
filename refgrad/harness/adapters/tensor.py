"""The facade's tensor: PyTorch's methods and operators over one value of the library under test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from refgrad.errors import Unsupported

if TYPE_CHECKING:
    from refgrad.harness.adapters.facade import Facade

__all__ = ["Index", "Tensor"]

CASTS = {"double": "float64", "float": "float32", "half": "float16", "int": "int32", "long": "int64", "bool": "bool"}


class Tensor:
    """A value of the library, ``raw``, that understands PyTorch."""

    __slots__ = ("_owner", "_xp", "raw")
    __array_ufunc__ = None  # NumPy's operators leave `array * tensor` to the tensor

    def __init__(self, raw: Any, xp: Facade, owner: Any = None) -> None:
        self.raw, self._xp, self._owner = raw, xp, owner

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in CASTS:
            return lambda: self.to(np.dtype(CASTS[name]))
        if name.endswith("_"):
            return lambda *args, **kwargs: self._xp.inplace(name, self, *args, **kwargs)
        function = self._xp.find(name)
        return lambda *args, **kwargs: function(self, *args, **kwargs)

    def __repr__(self) -> str:
        return f"<{self._xp._backend.name} {self.raw!r}>"

    # what a tensor is

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.raw.shape) if hasattr(self.raw, "shape") else self._xp.to_numpy(self.raw).shape

    @property
    def dtype(self) -> np.dtype[Any]:
        try:
            found: np.dtype[Any] = np.dtype(str(self.raw.dtype))
            return found
        except (AttributeError, TypeError):  # a library with dtypes of its own
            return self.numpy().dtype

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def T(self) -> Any:
        return self._xp.find("t")(self)

    @property
    def mT(self) -> Any:
        return self._xp.find("mT")(self)

    @property
    def real(self) -> Any:
        return self._xp.find("real")(self)

    @property
    def imag(self) -> Any:
        return self._xp.find("imag")(self)

    def dim(self) -> int:
        return self.ndim

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    def numel(self) -> int:
        return int(np.prod(self.shape, dtype=int))

    def numpy(self) -> np.ndarray[Any, np.dtype[Any]]:
        return self._xp.to_numpy(self.raw)

    def item(self) -> Any:
        return self.numpy().item()

    def tolist(self) -> Any:
        return self.numpy().tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        return self.numpy().astype(dtype or self.numpy().dtype)

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        return bool(self.numpy())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __hash__(self) -> int:
        return id(self)

    # differentiation

    @property
    def requires_grad(self) -> bool:
        return bool(self._xp.feature("requires_grad", "requires_grad")(self.raw))

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        self._xp.feature("requires_grad_", "requires_grad_")(self.raw, requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        return bool(self._xp.feature("is_leaf", "is_leaf")(self.raw))

    @property
    def grad_fn(self) -> Any:
        return self._xp.feature("grad_fn", "grad_fn")(self.raw)

    @property
    def grad(self) -> Tensor | None:
        found = self._xp.feature("grad_of", ".grad")(self.raw)
        return None if found is None else Tensor(found, self._xp, owner=self.raw)

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        self._xp.feature("set_grad_of", "setting .grad")(self.raw, self._xp.unwrap(value))

    def backward(self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
                 inputs: Any = None) -> None:  # fmt: skip
        backward = self._xp.feature("backward", "backward")
        flags = self._xp.flags(
            backward, retain_graph=retain_graph, create_graph=create_graph or None, inputs=self._xp.unwrap(inputs)
        )
        try:
            backward(self.raw, self._xp.unwrap(gradient), **flags)
        except Unsupported:
            raise
        except NotImplementedError as error:
            raise Unsupported("backward", str(error)) from error

    def detach(self) -> Any:
        return self._xp.wrap(self._xp.feature("detach", "detach")(self.raw))

    def retain_grad(self) -> None:
        self._xp.feature("retain_grad", "retain_grad")(self.raw)

    def register_hook(self, hook: Callable[[Any], Any]) -> Any:
        def on_raw(grad: Any) -> Any:
            return self._xp.unwrap(hook(self._xp.wrap(grad)))

        return self._xp.feature("register_hook", "register_hook")(self.raw, on_raw)

    def zero_(self) -> Any:
        zero_grad_of = getattr(self._xp._backend, "zero_grad_of", None)
        if self._owner is not None and zero_grad_of is not None:
            zero_grad_of(self._owner)
            return self
        return self._xp.inplace("zero_", self)

    # conversion

    def to(self, dtype: Any) -> Any:
        return self._xp.find("to")(self, dtype=dtype.dtype if isinstance(dtype, Tensor) else dtype)

    def type(self, dtype: Any) -> Any:
        return self.to(dtype)

    def view_as(self, other: Tensor) -> Any:
        return self._xp.find("view")(self, other.shape)

    def reshape_as(self, other: Tensor) -> Any:
        return self._xp.find("reshape")(self, other.shape)

    def expand_as(self, other: Tensor) -> Any:
        return self._xp.find("expand")(self, other.shape)

    # operators

    def __getitem__(self, index: Any) -> Any:
        return self._xp.operate("getitem", self, Index(index, self._xp))

    def __setitem__(self, index: Any, value: Any) -> None:
        self._xp.inplace("__setitem__", self, Index(index, self._xp), value)

    def __neg__(self) -> Any:
        return self._xp.operate("neg", self)

    def __abs__(self) -> Any:
        return self._xp.operate("abs", self)

    def __invert__(self) -> Any:
        return self._xp.operate("bitwise_not", self)


class Index:
    """An index with the tensors in it as ndarrays: what picks elements is not differentiated."""

    def __init__(self, index: Any, xp: Facade) -> None:
        self._xp = xp
        self.plain = self._convert(index)

    def _convert(self, index: Any) -> Any:
        if isinstance(index, tuple):
            return tuple(map(self._convert, index))
        return self._xp.to_numpy(index.raw) if isinstance(index, Tensor) else index


def _binary(name: str, *, reflected: bool = False) -> Callable[[Tensor, Any], Any]:
    def operation(self: Tensor, other: Any) -> Any:
        return self._xp.operate(name, other, self) if reflected else self._xp.operate(name, self, other)

    return operation


def _inplace(name: str) -> Callable[[Tensor, Any], Any]:
    def operation(self: Tensor, other: Any) -> Any:
        return self._xp.inplace(name, self, other)

    return operation


for _dunder, _name in {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
    "pow": "pow", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
}.items():  # fmt: skip
    setattr(Tensor, f"__{_dunder}__", _binary(_name))
    setattr(Tensor, f"__r{_dunder}__", _binary(_name, reflected=True))
    setattr(Tensor, f"__i{_dunder}__", _inplace(f"{_name}_"))
for _dunder in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{_dunder}__", _binary(_dunder))
