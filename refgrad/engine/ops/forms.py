"""Ops of several forms: for tensors and for numbers, and what they refuse."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from refgrad.engine import dims, dtypes
from refgrad.engine.body import write_out
from refgrad.engine.graph import TensorBase
from refgrad.engine.primitive import _scalar


def _met(input: Any, number: Any) -> tuple[Any, Any]:
    """``input`` and a Python number in their common type."""
    kind = dtypes.result_type((input, number)).numpy
    return input.astype(kind, copy=False), _scalar(number, kind)


def _is_array(value: Any) -> bool:
    return isinstance(value, TensorBase) or hasattr(value, "dtype")


def holds(condition: Any) -> bool:
    """Whether a rule's own condition holds; read past the layers, which refuse a branch on a tensor to programs."""
    return bool(getattr(condition, "_array", condition))


def by_last(name: str, of_tensor: Any, of_number: Any, swapped: Any = None) -> Any:
    """One function of several forms, which PyTorch records under several names.

    The last argument, a tensor or a number, decides; ``swapped`` is the form whose first argument is a number.
    """
    last, place = of_tensor.op.inputs[-1], len(of_tensor.op.inputs) - 1

    def function(*args: Any, **kwargs: Any) -> Any:
        led = not args or _is_array(args[0])
        if not (last in kwargs or len(args) > place) or not (led or swapped):
            names = ", ".join("Tensor" if _is_array(x) else type(x).__name__ for x in args)
            raise TypeError(
                f"{function.__name__}() received an invalid combination of arguments - got ({names}), but expected one of:"
            )
        if not led:
            return swapped(args[1], args[0])
        decides = kwargs[last] if last in kwargs else args[place]
        return (of_tensor if _is_array(decides) else of_number)(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = of_tensor.__doc__
    function.forms = (of_tensor, of_number)  # type: ignore[attr-defined]
    return function


def of_tensors(function: Any) -> Any:
    """``function`` of two inputs without numbers: PyTorch has no such form.

    Errors: TypeError.
    """
    first, second = function.op.inputs

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        for position, (name, value) in enumerate(zip((first, second), args), 1):
            if not _is_array(value):
                raise _no_tensor(function, name, position, value)
        return function(*args, **kwargs)

    return checked


def led_by_tensor(function: Any) -> Any:
    """``function`` of two inputs, the first of which may not be a number.

    Errors: TypeError.
    """

    @functools.wraps(function)
    def checked(*args: Any, **kwargs: Any) -> Any:
        if args and not _is_array(args[0]):
            names = ", ".join("Tensor" if _is_array(x) else type(x).__name__ for x in args)
            raise TypeError(
                f"{function.__name__}() received an invalid combination of arguments - got ({names}), but expected "
                "one of:"
            )
        return function(*args, **kwargs)

    return checked


def recorded(choose: Callable[..., tuple[Any, tuple[Any, ...], tuple[Any, ...]]]) -> Any:
    """A function that records what ``choose`` decides on: a primitive, its inputs and its parameters.

    The in-place form of such a function, and the one with ``out=``, make the same choice.
    """

    @functools.wraps(choose)
    def function(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        primitive, inputs, params = choose(*args, **kwargs)
        if out is not None:
            return write_out(primitive.op, inputs, params, out)
        return primitive(*inputs, **dict(zip(primitive.op.params, params)))

    function.choose = choose  # type: ignore[attr-defined]
    return function


def no_derivative(name: str) -> Any:
    """The rule of an op that PyTorch does not differentiate.

    Errors: RuntimeError.
    """

    def rule(grad: Any) -> Any:
        raise RuntimeError(f"derivative for aten::{name} is not implemented")

    return rule


def no_tangent(name: str) -> Any:
    """The forward-mode rule of an op that PyTorch has none for.

    Errors: NotImplementedError.
    """

    def rule(tangent: Any) -> Any:
        raise NotImplementedError(
            f"Trying to use forward AD with {name} that does not support it because it has not been implemented yet."
        )

    return rule


def _no_tensor(function: Any, name: str, position: int, value: Any) -> TypeError:
    kind = type(value).__name__
    return TypeError(f"{function.__name__}(): argument '{name}' (position {position}) must be Tensor, not {kind}")


def _unsupported(value: Any, kinds: str, kernel: str) -> None:
    """Refuse the kinds of numbers that PyTorch has no kernel for.

    Errors: NotImplementedError.
    """
    if getattr(value, "dtype", _PLAIN).kind in kinds:
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.scalar_title(value.dtype)}'")


_PLAIN = np.dtype("O")  # of a Python number, which is of no kind yet


def _broadcasting(function: Any, *arrays: Any) -> Any:
    """Run ``function``; shapes that do not broadcast are told in PyTorch's words."""
    try:
        return function(*arrays)
    except ValueError:
        shape: tuple[int, ...] = ()
        for array in arrays:
            shape = dims.broadcast(shape, np.shape(array))
        raise


def unwritten(name: str) -> Any:
    """The rule of an op whose derivative nobody has written, in PyTorch's words for those it lists as such."""

    def rule(grad: Any) -> Any:
        raise NotImplementedError(f"the derivative for '{name}' is not implemented.")

    return rule
