"""Tensor: an array, its autograd metadata, and PyTorch's methods, one line each."""

from __future__ import annotations

import math
import warnings
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from refgrad.engine import copying, differentiation, dims, dtypes, inference, ops, printing, storage
from refgrad.engine.caller import calling_frame
from refgrad.engine.device import cpu, device
from refgrad.engine.grad_dtype import check_grad_dtype, grad_dtype, set_grad_dtype
from refgrad.engine.graph import LeafHooks, RemovableHandle, TensorBase, Unversioned, accumulator, add_hook, detached
from refgrad.engine.inplace import inplace, inplace_view, write
from refgrad.engine.legacy import BY_NAME, constructed, tensortype
from refgrad.engine.memory_format import contiguous_format, laid_out, preserve_format
from refgrad.engine.modes import modes, warn_once
from refgrad.engine.numpy_names import taking_numpy_names
from refgrad.engine.ops.rectifiers import hardshrink, prelu
from refgrad.engine.primitive import operator, set_tensor_type, wrap
from refgrad.engine.views import own_array, share, wants_grad

_NON_LEAF_GRAD = (
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be populated "
    "during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf Tensor, use "
    ".retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure you access the leaf "
    "Tensor instead. See github.com/pytorch/pytorch/pull/30531 for more information."
)
_TO_SCALAR = (
    "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\n"
    "Consider using tensor.detach() first."
)
_OPERANDS = (TensorBase, int, float, complex, np.generic)


def binary(function: Callable[..., Any], *, swap: bool = False) -> Callable[[Any, Any], Any]:
    """An operator method; what is no number or tensor is left to the other operand."""

    def method(self: Any, other: Any) -> Any:
        if not isinstance(other, _OPERANDS):
            return NotImplemented
        if isinstance(other, np.generic):
            other = other.item()
        return function(other, self) if swap else function(self, other)

    return method


def inplace_operator(function: Any) -> Callable[[Any, Any], Any]:
    """An augmented assignment: the in-place form of a primitive."""
    op = function.op
    defaults = tuple(op.declared.parameters[name].default for name in op.params)

    def method(self: Any, other: Any) -> Any:
        return write(op, (self, other), defaults) if isinstance(other, _OPERANDS) else NotImplemented

    return method


def power(self: Any, exponent: Any) -> Any:
    """``self ** exponent``."""
    if exponent.__class__ is int or exponent.__class__ is float:
        return ops.pow_scalar(self, exponent)
    return ops.pow(self, exponent) if isinstance(exponent, _OPERANDS) else NotImplemented


def inplace_form(function: Any) -> Callable[..., Any]:
    """The in-place form of an op; some have one for a tensor as the last argument, and another for a number."""
    if hasattr(function, "choose"):
        return _written_as_chosen(function.choose)
    if not hasattr(function, "forms"):
        return inplace(function)
    of_tensor, of_number = map(inplace, (function.forms[0], function.forms[-1]))

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        tensors = any(isinstance(x, TensorBase) for x in (*args[-1:], *kwargs.values()))
        return (of_tensor if tensors else of_number)(self, *args, **kwargs)

    return method


def _written_as_chosen(choose: Callable[..., Any]) -> Callable[..., Any]:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        primitive, inputs, params = choose(self, *args, **kwargs)
        return write(primitive.op, inputs, params)

    return method


def _rdiv(other: Any, self: Any) -> Any:
    return ops.reciprocal(self) * other  # as PyTorch records it


class Tensor(TensorBase):
    """A multi-dimensional array that can record what is done to it."""

    __slots__ = ("__dict__", "__weakref__")
    __array_priority__ = 1000

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """The legacy constructor: data, or sizes of an uninitialised tensor, in the default type."""
        if len(args) == 1 and isinstance(args[0], TensorBase):
            return wrap(args[0]._array)
        return wrap(constructed(args, dtypes.get_default_dtype().numpy))

    # what it is -------------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> dims.Size:
        return dims.Size(self._array.shape)

    @property
    def ndim(self) -> int:
        return int(self._array.ndim)

    @property
    def dtype(self) -> dtypes.dtype:
        return dtypes.of(self._array.dtype)

    @property
    def device(self) -> device:
        return cpu

    @property
    def layout(self) -> str:
        return "torch.strided"

    @property
    def itemsize(self) -> int:
        return int(self._array.itemsize)

    @property
    def nbytes(self) -> int:
        return int(self._array.nbytes)

    is_cuda = is_sparse = is_quantized = is_meta = is_mps = False

    def size(self, dim: int | None = None) -> Any:
        return self.shape if dim is None else self._array.shape[dims.wrap(dim, self._array.ndim)]

    def dim(self) -> int:
        return int(self._array.ndim)

    def numel(self) -> int:
        return int(self._array.size)

    nelement = numel
    ndimension = dim

    def element_size(self) -> int:
        return int(self._array.itemsize)

    def stride(self, dim: int | None = None) -> Any:
        array = np.asarray(self._array)
        strides = (
            tuple(s // array.itemsize for s in array.strides) if array.size else dims.contiguous_strides(array.shape)
        )
        return strides if dim is None else strides[dims.wrap(dim, len(strides))]

    def storage_offset(self) -> int:
        base = self._view.base if self._view is not None else self
        return (self.data_ptr() - base.data_ptr()) // int(self._array.itemsize)  # type: ignore[attr-defined,no-any-return]

    def data_ptr(self) -> int:
        return int(own_array(self).__array_interface__["data"][0])

    def is_floating_point(self) -> bool:
        return self.dtype.is_floating_point

    def is_complex(self) -> bool:
        return self.dtype.is_complex

    def is_signed(self) -> bool:
        return self.dtype.is_signed

    def is_same_size(self, other: Any) -> bool:
        return bool(self._array.shape == other._array.shape)

    def is_inference(self) -> bool:
        return isinstance(self._counter, Unversioned)

    def get_device(self) -> int:
        return -1

    def type(self, dtype: Any = None) -> Any:
        if dtype is None:
            return f"torch.{self.dtype.tensor_type}"
        named = BY_NAME.get(dtype, dtype)
        return self.to(named.dtype if isinstance(named, tensortype) else named)

    # autograd ---------------------------------------------------------------------------------------------------------

    def _fresh(self) -> Tensor:
        """This tensor, its metadata up to date with writes to the memory it shares."""
        if self._view is not None:
            self._view.refresh(self, always=True)
        return self

    @property
    def requires_grad(self) -> bool:
        return wants_grad(self)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise RuntimeError("requires_grad must be a bool")
        if self._grad_fn is not None:
            _refuse_non_leaf(value)
        if value and self.dtype.category < dtypes.FLOATING:
            raise RuntimeError("only Tensors of floating point and complex dtype can require gradients")
        _refuse_inference(self, value)
        self._own_requires_grad(value)

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        if requires_grad and self.dtype.category < dtypes.FLOATING:
            raise RuntimeError("only Tensors of floating point dtype can require gradients")
        if requires_grad and modes.layers:
            modes.refuse("requires_grad_", self)
        if not requires_grad and self._grad_fn is not None:
            _refuse_non_leaf(False)
        if self._grad_fn is None:
            _refuse_inference(self, requires_grad)
            self._own_requires_grad(bool(requires_grad))
        return self

    def _own_requires_grad(self, value: bool) -> None:
        self._requires_grad = value
        if value and isinstance(self._counter, Unversioned):
            inference.requires_grad(self)
        if self._view is not None:
            self._view.lent = False

    @property
    def is_leaf(self) -> bool:
        return self._fresh()._grad_fn is None

    @is_leaf.setter
    def is_leaf(self, value: Any) -> None:
        _read_only("is_leaf")

    @property
    def grad_fn(self) -> Any:
        node = self._fresh()._grad_fn
        return None if node is None else node.obj

    @grad_fn.setter
    def grad_fn(self, value: Any) -> None:
        _read_only("grad_fn")

    @property
    def output_nr(self) -> int:
        return self._output_nr

    @output_nr.setter
    def output_nr(self, value: Any) -> None:
        _read_only("output_nr")

    @property
    def grad(self) -> Any:
        if self._grad is None and self._grad_fn is not None and not self.retains_grad:
            warnings.warn(_NON_LEAF_GRAD, UserWarning, stacklevel=2)
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            _check_grad(self, value)
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    grad_dtype = property(grad_dtype, set_grad_dtype)

    @property
    def data(self) -> Tensor:
        tensor = wrap(own_array(self))
        tensor._counter = detached(self._counter) if isinstance(self._counter, Unversioned) else None
        return tensor  # type: ignore[no-any-return]

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, TensorBase):
            raise TypeError(f"Variable data has to be a tensor, but got {_type_name(value)}")
        if self._requires_grad and value.dtype.category < dtypes.FLOATING:
            raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
        self._array = own_array(value)

    @property
    def volatile(self) -> bool:
        warnings.warn("volatile was removed (Variable.volatile is always False)", UserWarning, stacklevel=2)
        return False

    @property
    def _base(self) -> Any:
        return None if self._view is None else self._view.base

    def _is_view(self) -> bool:
        return self._view is not None

    @property
    def _version(self) -> int:
        if self._counter.__class__ is Unversioned:
            raise RuntimeError("Inference tensors do not track version counter.")
        return 0 if self._counter is None else self._counter[0]

    @_version.setter
    def _version(self, value: Any) -> None:
        _read_only("_version")

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Add the gradients of this tensor to the ``.grad`` of the leaves it was computed from."""
        differentiation.backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def detach(self) -> Tensor:
        tensor = wrap(own_array(self))
        if isinstance(self._counter, Unversioned):
            tensor._counter = detached(self._counter)
        else:
            share(tensor, self)
        return tensor  # type: ignore[no-any-return]

    def detach_(self) -> Tensor:
        if self._view is not None:
            raise RuntimeError(_DETACH_VIEW)
        if self._counter is None:
            self._counter = [0]  # those who saved this tensor look closer where there is a counter
        if self.retains_grad:
            self._leaf_hooks().retains_grad = True
        self._grad_fn, self._output_nr, self._requires_grad = None, 0, False
        return self

    @property
    def retains_grad(self) -> bool:
        node = self._grad_fn
        if node is None:
            return self._hooks is not None and self._hooks.retains_grad
        return node.hooks is not None and node.hooks.retains(self._output_nr)

    @retains_grad.setter
    def retains_grad(self, value: Any) -> None:
        _read_only("retains_grad")

    def retain_grad(self) -> None:
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        node = self._fresh()._grad_fn
        if node is not None and not self.retains_grad:
            node.own_hooks().retained[self._output_nr] = weakref.ref(self)

    def register_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call ``hook(grad)`` when a gradient of this tensor is computed; it may return another."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        node = self._fresh()._grad_fn
        if node is not None:
            node, nr = self._hooked(node)
            return add_hook(node.own_hooks().tensor, (nr, hook))
        return add_hook(self._leaf_hooks().pre, hook)

    def _hooked(self, node: Any) -> tuple[Any, int]:
        """The node that takes this tensor's hooks, and the output of it that the tensor is."""
        if node.hooks is not None and node.hooks.elsewhere is not None:
            earlier, nr = node.hooks.elsewhere
            if earlier.own_hooks().on(nr):
                return earlier, nr
        return node, self._output_nr

    def register_post_accumulate_grad_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call ``hook(tensor)`` after a gradient has been added to ``tensor.grad``."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self._fresh()._grad_fn is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        return add_hook(self._leaf_hooks().post, hook)

    def _leaf_hooks(self) -> LeafHooks:
        if self._hooks is None:
            self._hooks = LeafHooks()
        return self._hooks

    # values out -------------------------------------------------------------------------------------------------------

    def numpy(self, *, force: bool = False) -> Any:
        """The values as a NumPy array that shares this tensor's memory.

        Errors: RuntimeError where a gradient is required, unless ``force``.
        """
        if modes.grad_enabled and self.requires_grad and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        if modes.layers:
            modes.refuse("numpy", self)
        return own_array(self)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        array = self.numpy()
        return array if dtype is None and not copy else np.array(array, dtype, copy=bool(copy) or dtype is not None)

    def __array_wrap__(self, array: Any, context: Any = None, return_scalar: bool = False) -> Any:
        """A tensor of what NumPy computed from this one; bools come as bytes, as in PyTorch."""
        return wrap(array.astype(np.uint8) if array.dtype == bool else array)

    def equal(self, other: Any) -> bool:
        """Whether shape and all elements are equal.

        Errors: TypeError for what is no tensor.
        """
        if not isinstance(other, TensorBase):
            raise TypeError(f"equal(): argument 'other' (position 1) must be Tensor, not {type(other).__name__}")
        return self.shape == other._array.shape and bool((self == other).all())

    def allclose(self, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
        """Whether all elements are close."""
        return bool(ops.isclose(self, other, rtol, atol, equal_nan).all())

    def item(self) -> Any:
        """The one element as a Python number.

        Errors: RuntimeError for more or fewer elements.
        """
        if self._array.__class__ is np.float32 and modes.here.state < 2:
            return float(self._array)  # a third of what NumPy's item takes
        if self._array.size != 1:
            raise RuntimeError(f"a Tensor with {self._array.size} elements cannot be converted to Scalar")
        if modes.layers:
            modes.refuse("item", self)
        return _number(self._array)

    def tolist(self) -> Any:
        if self._array.dtype.kind == "V":
            return np.asarray(self._array, np.float32).tolist()
        return self._array.tolist()

    def __bool__(self) -> bool:
        if self._array.size > 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        if not self._array.size:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
        if modes.layers:
            modes.refuse("bool", self)
        return bool(self.item())

    def _scalar(self) -> Any:
        if self._array.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self.item()

    def __float__(self) -> float:
        value = float(_real(self._scalar(), "double"))
        if self.requires_grad:
            _warn_of_scalar()
        return value

    def __int__(self) -> int:
        return int(_real(self._scalar(), "int64_t"))

    def __complex__(self) -> complex:
        return complex(self._scalar())

    def __index__(self) -> int:
        if self._array.size != 1 or self._array.dtype.kind not in "iub":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._array.item())

    def __len__(self) -> int:
        if not self._array.ndim:
            raise TypeError("len() of a 0-d tensor")
        return int(self._array.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        if not self._array.ndim:
            raise TypeError("iteration over a 0-d tensor")
        return iter(ops.unbind(self, 0))

    def __reversed__(self) -> Iterator[Tensor]:
        return iter(ops.flip(self, (0,)) if self._array.ndim else self)

    def __contains__(self, element: Any) -> bool:
        if not isinstance(element, _OPERANDS):
            raise RuntimeError(
                f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
            )
        return bool((self == element).any())

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self, *, tensor_contents: str | None = None) -> str:
        name = type(self).__name__
        return printing.tensor_str(
            np.asarray(self._array),
            dtype_name=repr(self.dtype),
            has_default_dtype=self.dtype in _implied_types(),
            requires_grad=self.requires_grad,
            grad_fn=self._maker(),
            class_name="tensor" if name in ("Tensor", "Parameter") else name,
            tangent=next(filter(None, (layer.describe(self) for layer in modes.layers)), None),
            parameter=getattr(self, "_is_param", False),
            tensor_contents=tensor_contents,
        )

    def _maker(self) -> str | None:
        """The name of the node that printing shows."""
        try:
            node = self.grad_fn
        except RuntimeError:  # a view that may not be used any more can still be looked at
            return "Invalid"
        return None if node is None else node.name()

    def __format__(self, spec: str) -> str:
        if not self._array.ndim and type(self) is Tensor:
            return format(self.item(), spec)
        return object.__format__(self, spec)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return copying.deep(self, memo)  # type: ignore[no-any-return]

    def __copy__(self) -> Tensor:
        return copying.shallow(self)  # type: ignore[no-any-return]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return copying.reduced(self)

    # types ------------------------------------------------------------------------------------------------------------

    def to(
        self, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, non_blocking: bool = False,
        memory_format: Any = None,
    ) -> Any:  # fmt: skip
        """This tensor in another type or memory format; itself, if nothing changes and no ``copy`` is asked for."""
        flags = [arg for arg in args if isinstance(arg, bool)]
        copy = flags[1] if len(flags) > 1 else copy
        for arg in args:
            dtype = arg if isinstance(arg, dtypes.dtype) else arg.dtype if isinstance(arg, TensorBase) else dtype  # type: ignore[attr-defined]
        kind = self._array.dtype if dtype is None else dtype.numpy
        if kind == self._array.dtype and not copy and laid_out(self._array, memory_format) is self._array:
            return self
        if self._array.dtype.kind == "c" and kind.kind not in "cb":
            warn_once("Casting complex values to real discards the imaginary part", stacklevel=calling_frame()[1])
        return ops.to_copy(self, kind, memory_format)

    def type_as(self, other: Any) -> Any:
        return self.to(other.dtype)

    def cpu(self) -> Tensor:
        return self

    def cuda(self, *args: Any, **kwargs: Any) -> Tensor:
        raise AssertionError("Torch not compiled with CUDA enabled")

    # views with variable arguments ------------------------------------------------------------------------------------

    def view(self, *shape: Any) -> Any:
        if len(shape) == 1 and isinstance(shape[0], dtypes.dtype):
            return wrap(own_array(self).view(shape[0].numpy))
        return ops.view(self, dims.sizes(shape))

    def reshape(self, *shape: Any) -> Any:
        return ops.reshape(self, dims.sizes(shape))

    def expand(self, *size: Any) -> Any:
        return ops.expand(self, dims.sizes(size))

    def permute(self, *order: Any) -> Any:
        return ops.permute(self, dims.sizes(order))

    def repeat(self, *repeats: Any) -> Any:
        return ops.repeat(self, dims.sizes(repeats))

    def flip(self, *order: Any) -> Any:
        return ops.flip(self, dims.sizes(order))

    def tile(self, *repeats: Any) -> Any:
        return ops.tile(self, dims.sizes(repeats))

    def sum_to_size(self, *size: Any) -> Any:
        return ops.sum_to_size(self, dims.sizes(size))

    def unfold(self, dimension: int, size: int, step: int) -> Any:
        return ops.unfold_dim(self, dimension, size, step)

    def view_as(self, other: Any) -> Any:
        return self.view(other.shape)

    def reshape_as(self, other: Any) -> Any:
        return self.reshape(other.shape)

    def broadcast_to(self, *size: Any) -> Any:
        return ops.broadcast_to(self, dims.sizes(size))

    def expand_as(self, other: Any) -> Any:
        return self.expand(other.shape)

    @property
    def T(self) -> Any:
        if self.ndim != 2:
            warnings.warn(_DEPRECATED_T, UserWarning, stacklevel=2)
            return self.permute(*range(self.ndim - 1, -1, -1))
        return ops.permute(self, (1, 0))

    @property
    def mT(self) -> Any:
        if self.ndim < 2:
            raise RuntimeError(
                f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor."
            )
        return ops.transpose(self, -2, -1)

    @property
    def H(self) -> Any:
        if self.ndim not in (0, 2):
            raise RuntimeError(
                f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor."
                + (" For batches of matrices, consider using tensor.mH" if self.ndim > 2 else "")
            )
        return ops.conj(ops.transpose(self, 0, 1) if self.ndim else self)

    @property
    def mH(self) -> Any:
        return ops.conj(self.mT)

    def adjoint(self) -> Any:
        return self.mH

    @property
    def real(self) -> Any:
        return ops.real(self) if self.is_complex() else self

    @property
    def imag(self) -> Any:
        return ops.imag(self)

    # items ------------------------------------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        return ops.getitem(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        ops.setitem(self, key, value)

    def where(self, condition: Any, other: Any) -> Any:
        """The tensor where ``condition`` holds, else ``other``."""
        return ops.where(condition, self, other)

    def index_put_(self, indices: Any, values: Any, accumulate: bool = False) -> Tensor:
        return write(ops.index_put.op, (self, values, *indices), (accumulate,))  # type: ignore[attr-defined,no-any-return]

    # in place ---------------------------------------------------------------------------------------------------------

    def zero_(self) -> Tensor:
        return write(ops.zero.op, (self,), ())  # type: ignore[no-any-return]

    def copy_(self, src: Any, non_blocking: bool = False) -> Tensor:
        if not isinstance(src, TensorBase):
            raise TypeError(f"copy_(): argument 'other' (position 1) must be Tensor, not {type(src).__name__}")
        if self._array.dtype.kind in "biu":
            src = src.detach()  # type: ignore[attr-defined]  # gradients end at integers
        return write(ops.copy.op, (self, src), ())  # type: ignore[no-any-return]

    def pow_(self, exponent: Any) -> Tensor:
        if isinstance(exponent, TensorBase):
            return write(ops.pow_tensor.op, (self, exponent), ())  # type: ignore[no-any-return]
        return write(ops.pow_scalar.op, (self,), (exponent,))  # type: ignore[no-any-return]

    def div_(self, other: Any, *, rounding_mode: str | None = None) -> Tensor:
        if rounding_mode is None:
            return write(ops.true_divide.op, (self, other), ())  # type: ignore[no-any-return]
        return write(ops.div_rounded.op, (self, other), (rounding_mode,))  # type: ignore[no-any-return]

    true_divide_ = div_

    def round_(self, *, decimals: int = 0) -> Tensor:
        if not decimals:
            return write(ops.round_whole.op, (self,), ())  # type: ignore[no-any-return]
        return write(ops.round_decimals.op, (self,), (decimals,))  # type: ignore[no-any-return]

    def polygamma(self, n: int) -> Any:
        return ops.polygamma(n, self)

    def polygamma_(self, n: int) -> Tensor:
        return write(ops.polygamma.op, (self,), (n,))  # type: ignore[attr-defined,no-any-return]

    def square_(self) -> Tensor:
        return self.pow_(2)

    def squeeze_(self, dim: Any = None) -> Tensor:
        if dim is None:
            return _squeeze_all_(self)  # type: ignore[no-any-return]
        if isinstance(dim, (tuple, list)):
            return _squeeze_dims_(self, tuple(dim))  # type: ignore[no-any-return]
        return _squeeze_dim_(self, dim)  # type: ignore[no-any-return]

    def float_power_(self, exponent: Any) -> Tensor:
        wide = dtypes.complex128 if isinstance(exponent, complex) or self.is_complex() else dtypes.float64
        if self.dtype is not wide:
            held, needed = dtypes.scalar_title(self._array.dtype), dtypes.scalar_title(wide.numpy)
            raise RuntimeError(
                f"the base given to float_power_ has dtype {held} but the operation's result requires dtype {needed}"
            )
        return _float_power_(self, exponent)  # type: ignore[no-any-return]

    # new tensors like this one ----------------------------------------------------------------------------------------

    def new_full(
        self, size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Any:
        kind = dtype.numpy if dtype else self._array.dtype
        return modes.created(wrap(np.full(size, fill_value, kind), requires_grad), self)

    def new_zeros(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        return self.new_full(dims.sizes(size), 0, dtype=dtype, requires_grad=requires_grad)

    def new_ones(self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Any:
        return self.new_full(dims.sizes(size), 1, dtype=dtype, requires_grad=requires_grad)

    new_empty = new_zeros

    def new_empty_strided(
        self, size: Any, stride: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Any:
        from refgrad.engine import creation  # a floor above

        return creation.empty_strided(size, stride, dtype=dtype or self.dtype, requires_grad=requires_grad)

    def new_tensor(self, data: Any, *, dtype: Any = None, requires_grad: bool = False) -> Any:
        from refgrad.engine import creation  # a floor above

        return creation.tensor(data, dtype=dtype or self.dtype, requires_grad=requires_grad)

    def clone(self, *, memory_format: Any = None) -> Any:
        if memory_format is None or memory_format is preserve_format:
            return ops.clone(self)
        return ops.clone_as(self, memory_format)

    def contiguous(self, memory_format: Any = contiguous_format) -> Any:
        array = np.asarray(self._array)
        return self if laid_out(array, memory_format) is array else ops.clone_as(self, memory_format)

    def is_contiguous(self, memory_format: Any = contiguous_format) -> bool:
        array = np.asarray(self._array)
        return laid_out(array, memory_format) is array

    def fill_diagonal_(self, fill_value: Any, wrap: bool = False) -> Tensor:
        """Write a number to the main diagonal; ``wrap`` starts again below a tall matrix.

        Errors: RuntimeError for a vector, or sizes that differ beyond two dimensions.
        """
        if self.ndim < 2:
            raise RuntimeError("dimensions must larger than 1")
        if self.ndim > 2 and len(set(self.shape)) > 1:
            raise RuntimeError("all dimensions of input must be of equal length")
        height, width = self.shape[0], self.shape[1]
        step, size = sum(self.stride()), min(self.shape)
        ops.as_strided(self, (size,), (step,)).fill_(fill_value)
        if wrap and self.ndim == 2 and height > width + 1:
            below, offset = -(-self.numel() // (width + 1)) - size, self.stride(0) * (width + 1)
            ops.as_strided(self, (below,), (step,), self.storage_offset() + offset).fill_(fill_value)
        return self

    resize_, resize_as_, set_ = storage.resize_, storage.resize_as_, storage.set_

    # operators --------------------------------------------------------------------------------------------------------

    __add__ = __radd__ = operator(ops.add)
    __sub__, __rsub__ = operator(ops.sub), binary(lambda other, self: ops.rsub(self, other), swap=True)
    __mul__ = __rmul__ = operator(ops.mul)
    __truediv__, __rtruediv__ = operator(ops.true_divide), binary(_rdiv, swap=True)
    __floordiv__, __rfloordiv__ = binary(ops.floor_divide), binary(ops.floor_divide, swap=True)
    __mod__, __rmod__ = binary(ops.remainder), binary(ops.remainder, swap=True)
    __pow__, __rpow__ = power, binary(ops.pow, swap=True)
    __and__ = __rand__ = binary(ops.bitwise_and)
    __or__ = __ror__ = binary(ops.bitwise_or)
    __xor__ = __rxor__ = binary(ops.bitwise_xor)
    __lshift__, __rlshift__ = binary(ops.bitwise_left_shift), binary(ops.bitwise_left_shift, swap=True)
    __rshift__, __rrshift__ = binary(ops.bitwise_right_shift), binary(ops.bitwise_right_shift, swap=True)
    __lt__, __le__, __gt__, __ge__ = binary(ops.lt), binary(ops.le), binary(ops.gt), binary(ops.ge)
    __iadd__, __isub__ = inplace_operator(ops.add), inplace_operator(ops.sub)
    __imul__, __itruediv__ = inplace_operator(ops.mul), inplace_operator(ops.true_divide)

    def __ifloordiv__(self, other: Any) -> Any:
        return self.floor_divide_(other) if isinstance(other, _OPERANDS) else NotImplemented  # type: ignore[attr-defined]

    def __imod__(self, other: Any) -> Any:
        return self.remainder_(other) if isinstance(other, _OPERANDS) else NotImplemented  # type: ignore[attr-defined]

    def __iand__(self, other: Any) -> Any:
        return self.bitwise_and_(other) if isinstance(other, _OPERANDS) else NotImplemented  # type: ignore[attr-defined]

    def __ior__(self, other: Any) -> Any:
        return self.bitwise_or_(other) if isinstance(other, _OPERANDS) else NotImplemented  # type: ignore[attr-defined]

    def __ilshift__(self, other: Any) -> Any:
        return self.bitwise_left_shift_(other) if isinstance(other, _OPERANDS) else NotImplemented  # type: ignore[attr-defined]

    def __irshift__(self, other: Any) -> Any:
        return self.bitwise_right_shift_(other) if isinstance(other, _OPERANDS) else NotImplemented  # type: ignore[attr-defined]

    def __ixor__(self, other: Any) -> Any:
        return self.bitwise_xor_(other) if isinstance(other, _OPERANDS) else NotImplemented  # type: ignore[attr-defined]

    def __rmatmul__(self, other: Any) -> Any:
        return ops.matmul(other, self) if isinstance(other, TensorBase) else NotImplemented

    def __rdiv__(self, other: Any) -> Any:
        return _rdiv(other, self)

    def __ipow__(self, other: Any) -> Tensor:  # type: ignore[misc]
        return self.pow_(other)

    def __eq__(self, other: Any) -> Any:
        if isinstance(other, _OPERANDS):
            return ops.eq(self, other)
        return ops.eq(self, wrap(other)) if isinstance(other, np.ndarray) else NotImplemented  # as PyTorch, == alone

    def __ne__(self, other: Any) -> Any:
        return ops.ne(self, other) if isinstance(other, _OPERANDS) else NotImplemented

    def __matmul__(self, other: Any) -> Any:
        return ops.matmul(self, other) if isinstance(other, TensorBase) else NotImplemented

    def __neg__(self) -> Any:
        return ops.neg(self)

    def __pos__(self) -> Any:
        if self._array.dtype == bool:
            raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
        return self

    def __abs__(self) -> Any:
        return ops.abs(self)

    def __invert__(self) -> Any:
        if self._array.dtype.kind not in "biu":
            raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
        return ops.bitwise_not(self)


_DETACH_VIEW = (
    "Can't detach views in-place. Use detach() instead. If you are using DistributedDataParallel (DDP) for training, and "
    "gradient_as_bucket_view is set as True, gradients are views of DDP buckets, and hence detach_() cannot be called on these "
    "gradients. To fix this error, please refer to the Optimizer.zero_grad() function in torch/optim/optimizer.py as the "
    "solution."
)
_DEPRECATED_T = (
    "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it will throw an error in "
    "a future release. Consider `x.mT` to transpose batches of matrices or `x.permute(*torch.arange(x.ndim - 1, -1, -1))` to "
    "reverse the dimensions of a tensor."
)


_as_strided_ = inplace_view(ops.as_strided.form)  # type: ignore[attr-defined]
_squeeze_all_, _squeeze_dim_, _squeeze_dims_ = map(inplace_view, ops.squeeze.forms)  # type: ignore[attr-defined]
_float_power_ = _written_as_chosen(ops.float_power.choose)


def _refuse_non_leaf(value: bool) -> None:
    raise RuntimeError(
        "you can only change requires_grad flags of leaf variables."
        + (
            ""
            if value
            else " If you want to use a computed variable in a subgraph that doesn't require differentiation use var_no_grad = "
            "var.detach()."
        )
    )


def _refuse_inference(tensor: Any, value: bool) -> None:
    if value and isinstance(tensor._counter, Unversioned) and not modes.inference:
        raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")


def _read_only(name: str) -> None:
    raise AttributeError(f"attribute '{name}' of 'torch._C.TensorBase' objects is not writable")


def _type_name(value: Any) -> str:
    """A type's name as C has it: NumPy's with their module."""
    kind = type(value)
    return f"{kind.__module__}.{kind.__name__}" if kind.__module__ == "numpy" else kind.__name__


def _real(value: Any, kind: str) -> Any:
    """A number without its imaginary part.

    Errors: RuntimeError where that is not zero.
    """
    if not isinstance(value, complex):
        return value
    if value.imag:
        raise RuntimeError(f"value cannot be converted to type {kind} without overflow")
    return value.real


def _check_grad(tensor: Any, value: Any) -> None:
    """Refuse a ``.grad`` that does not fit its tensor."""
    if not isinstance(value, TensorBase):
        raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {_type_name(value)}")
    if value is tensor:
        raise RuntimeError("can't assign Variable as its own grad")
    check_grad_dtype(tensor, value)
    if value._array.shape != tensor._array.shape:
        raise RuntimeError(
            f"attempting to assign a gradient of size '{list(value._array.shape)}' to a tensor of size "
            f"'{list(tensor._array.shape)}'. Please ensure that the gradient and the tensor are the same size"
        )


def _number(array: Any) -> Any:
    return array.item() if array.dtype.kind != "V" else float(np.asarray(array, np.float32).item())


def _warn_of_scalar() -> None:
    warn_once(_TO_SCALAR, stacklevel=4)


def _implied_types() -> tuple[Any, ...]:
    """The types that printing leaves out."""
    default = dtypes.get_default_dtype()
    return (default, default.to_complex(), dtypes.int64, dtypes.bool_)


_METHODS = """
    abs acos acosh addcdiv addcmul all amax amin any argmax argmin argsort asin asinh atan atan2 atanh bitwise_and
    bitwise_not bitwise_or bitwise_xor bmm ceil chunk clamp conj cos cosh count_nonzero cummax cummin cumprod cumsum
    deg2rad diag diag_embed diagonal dot eq erf erfc exp exp2 expm1 flatten fliplr flipud floor floor_divide fmod frac
    gather ge gt hypot index_add index_put index_select isclose isfinite isinf isnan le lerp log log10 log1p log2
    log_softmax logaddexp logical_and logical_not logical_or logical_xor logit logsumexp lt masked_fill masked_select
    matmul max maximum mean median min minimum mm movedim mul mv nan_to_num nansum narrow ne neg nonzero norm outer
    pow prod rad2deg ravel reciprocal relu remainder repeat_interleave roll round rsqrt scatter scatter_add select sgn
    sigmoid sign signbit sin sinh softmax sort split sqrt square squeeze std sub sum swapaxes swapdims t
    take_along_dim tan tanh topk trace transpose tril triu trunc unbind unflatten unsqueeze var xlogy add div
    addmm as_strided clamp_max clamp_min fmax fmin true_divide
    as_strided_scatter diagflat diagonal_scatter dsplit hsplit narrow_copy rot90 select_scatter slice_scatter
    split_with_sizes tensor_split unsafe_chunk unsafe_split unsafe_split_with_sizes vsplit
    aminmax kthvalue logcumsumexp msort unique
    angle bitwise_left_shift bitwise_right_shift conj_physical copysign float_power frexp gcd heaviside isneginf isposinf
    isreal lcm ldexp logaddexp2 nextafter positive resolve_conj resolve_neg
    bincount diff histc histogram mode nanmean nanmedian nanquantile quantile unique_consecutive
    argwhere index_copy index_fill index_reduce masked_scatter nonzero_static put scatter_reduce take
    addbmm addmv addr baddbmm cholesky cholesky_inverse cholesky_solve corrcoef cov cross det dist geqrf ger inner inverse
    digamma erfinv i0 igamma igammac kron lgamma logdet lu_solve mvlgamma sinc matrix_exp matrix_power orgqr ormqr pinverse qr renorm slogdet svd triangular_solve vdot
""".split()
_INPLACE = """
    abs acos acosh add addcdiv addcmul asin asinh atan atan2 atanh bitwise_and bitwise_not bitwise_or bitwise_xor ceil
    clamp clamp_max clamp_min cos cosh deg2rad erf erfc exp exp2 expm1 fill floor floor_divide fmod frac hypot lerp
    log log10 log1p log2 logical_and logical_not logical_or logical_xor logit masked_fill mul nan_to_num neg rad2deg
    reciprocal relu remainder rsqrt sgn sigmoid sign sin sinh sqrt sub tan tanh tril triu trunc xlogy
    addbmm addmm addmv addr baddbmm digamma erfinv i0 igamma igammac lgamma mvlgamma renorm sinc
    bitwise_left_shift bitwise_right_shift copysign cumprod cumsum eq gcd ge gt heaviside lcm ldexp le lt ne nextafter
    index_add index_copy index_fill index_reduce masked_scatter put scatter scatter_add scatter_reduce
""".split()
_ALIASES = {
    "absolute": "abs", "arccos": "acos", "arcsin": "asin", "arctan": "atan", "arctanh": "atanh", "arcsinh": "asinh",
    "clip": "clamp", "divide": "div", "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le",
    "arctan2": "atan2", "fix": "trunc", "arccosh": "acosh", "moveaxis": "movedim", "multiply": "mul", "negative": "neg", "not_equal": "ne", "subtract": "sub",
}  # fmt: skip


def _install() -> None:
    """Give Tensor the methods that are ops with the tensor as their first argument."""
    for name in _METHODS:
        if hasattr(ops, name):
            setattr(Tensor, name, taking_numpy_names(getattr(ops, name)))
    Tensor.hardshrink, Tensor.prelu = hardshrink, prelu  # type: ignore[attr-defined]
    for name in _INPLACE:
        setattr(Tensor, name + "_", inplace_form(getattr(ops, name)))
    for name in ("t", "transpose", "unsqueeze"):
        setattr(Tensor, name + "_", inplace_view(getattr(ops, name)))
    Tensor.swapaxes_ = Tensor.swapdims_ = Tensor.transpose_  # type: ignore[attr-defined]
    for name, target in _ALIASES.items():
        setattr(Tensor, name, getattr(ops, target))
        if hasattr(Tensor, target + "_"):
            setattr(Tensor, name + "_", getattr(Tensor, target + "_"))
    for name, dtype in (
        ("double", dtypes.float64),
        ("float", dtypes.float32),
        ("half", dtypes.float16),
        ("bfloat16", dtypes.bfloat16),
        ("cfloat", dtypes.complex64),
        ("cdouble", dtypes.complex128),
    ):
        setattr(Tensor, name, _cast(dtype))
    for name, dtype in (
        ("long", dtypes.int64),
        ("int", dtypes.int32),
        ("short", dtypes.int16),
        ("bool", dtypes.bool_),
        ("byte", dtypes.uint8),
        ("char", dtypes.int8),
        ("cfloat", dtypes.complex64),
        ("cdouble", dtypes.complex128),
    ):
        setattr(Tensor, name, _cast(dtype))


def _cast(dtype: Any) -> Callable[..., Any]:
    def method(self: Any, memory_format: Any = None) -> Any:
        return self.to(dtype, memory_format=memory_format)

    return method


_install()
set_tensor_type(Tensor)
__all__ = ["Tensor", "accumulator", "math"]
