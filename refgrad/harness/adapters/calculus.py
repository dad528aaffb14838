"""Functional questions put to any backend: the value of a function written in torch's words, its derivatives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from refgrad.errors import InvalidBackend, Unsupported
from refgrad.harness.adapters.facade import facade_of
from refgrad.harness.adapters.namespace import completed
from refgrad.harness.adapters.precision import narrowed, require, widest
from refgrad.harness.adapters.tape import tape_vjp
from refgrad.harness.backend import profiles

__all__ = ["Calculus"]

Array = np.ndarray[Any, Any]
Fn = Callable[..., Any]


class Calculus:
    """Derivatives by ``backend``: ndarrays in, ndarrays out; ``fn(xp, *tensors)`` returns a tensor."""

    def __init__(self, backend: Any) -> None:
        module = getattr(backend, "namespace", None) or getattr(backend, "words", None)
        self.backend = completed(backend)
        self.xp: Any = facade_of(backend) if module is None else module
        self._thin = module is None
        self.widest = widest(backend)
        self._profiles = profiles(backend)

    def value(self, fn: Fn, *primals: Any) -> Any:
        """The value of ``fn``: an ndarray, or a tuple of them where ``fn`` returns a tuple."""
        return self.observe(fn, *primals)[0]

    def observe(self, fn: Fn, *primals: Any) -> tuple[Any, tuple[Array, ...]]:
        """The value of ``fn``, and the primals as they are afterwards."""
        given = [self._given(each) for each in primals]
        with self._lacking("value"):
            output = self._value(self._lift(fn), given)
        several = isinstance(output, list | tuple)
        value = tuple(map(self._array, output)) if several else self._array(output)
        return value, tuple(map(self._array, given))

    def vjp(self, fn: Fn, primals: Any, cotangent: Any = None) -> tuple[Array, tuple[Array | None, ...]]:
        """The value of ``fn`` and one gradient a primal: None where it was not used, or is of integers.

        Without a ``cotangent`` the output is weighted with ones.
        """
        flat, differentiable, arrays = self._close(fn, primals)
        given = None if cotangent is None else self._given(cotangent)
        with self._lacking("vjp"):
            output, grads = self._vjp(flat, arrays, given)
        found = iter(grads)
        grads = tuple(next(found) if each else None for each in differentiable)
        return self._array(output), tuple(None if grad is None else self._array(grad) for grad in grads)

    def jvp(self, fn: Fn, primals: Any, tangents: Any) -> tuple[Array, Array]:
        """The value of ``fn`` and its tangent.

        Errors: ``Unsupported`` where the backend has no forward mode.
        """
        if "forward" not in self._profiles:
            raise Unsupported("forward mode")
        flat, differentiable, arrays = self._close(fn, primals)
        directions = [self._given(each) for each, use in zip(tangents, differentiable, strict=True) if use]
        with self._lacking("jvp"):
            output, tangent = self.backend.jvp(flat, arrays, tuple(directions))
        return self._array(output), self._array(tangent)

    def second(self, fn: Fn, primals: Any, cotangent: Any, directions: Any) -> tuple[Array, ...]:
        """One gradient a primal of ``sum(direction * grad)`` over the gradients that ``vjp`` gives for ``cotangent``.

        Errors: ``Unsupported`` where the backend's derivatives cannot be differentiated.
        """
        flat, differentiable, arrays = self._close(fn, primals)
        if not all(differentiable):
            raise TypeError("second derivatives are asked of floats only")
        weight = self._given(cotangent)
        total = [np.zeros_like(each) for each in map(self._array, arrays)]
        for place, direction in enumerate(directions):
            with self._lacking("higher derivatives"):
                found = self._second(flat, arrays, weight, place, self._given(direction))
            total = [
                sum_ if grad is None else sum_ + self._array(grad) for sum_, grad in zip(total, found, strict=True)
            ]
        return tuple(total)

    def _second(self, flat: Fn, arrays: tuple[Any, ...], weight: Any, place: int, direction: Any) -> tuple[Any, ...]:
        """The gradients of the gradient at ``place``, weighted."""
        if getattr(self.backend, "nested", False):
            zeros = self.backend.asarray(np.zeros_like(self._array(arrays[place])))

            def gradient(*given: Any) -> Any:
                found = self._vjp(flat, given, weight)[1][place]
                return zeros if found is None else found

            return self._vjp(gradient, arrays, direction)[1]
        if "higher" not in self._profiles:
            raise Unsupported("create_graph")
        return self._second_on_tape(flat, arrays, weight, place, direction)

    def _second_on_tape(
        self, flat: Fn, arrays: tuple[Any, ...], weight: Any, place: int, direction: Any
    ) -> tuple[Any, ...]:
        set_grad = getattr(self.backend, "set_grad_of", None)
        if set_grad is None:
            raise Unsupported("setting .grad")
        leaves = tuple(self.backend.leaf(self._array(each), requires_grad=True) for each in arrays)
        self.backend.backward(flat(*leaves), weight, create_graph=True)
        first = self.backend.grad_of(leaves[place])
        for leaf in leaves:
            set_grad(leaf, None)
        if first is None:
            return (None,) * len(leaves)
        self.backend.backward(first, direction)
        return tuple(self.backend.grad_of(leaf) for leaf in leaves)

    def grad(self, fn: Fn, *primals: Any, order: int = 1) -> Any:
        """The gradient of the sum of ``fn``: an ndarray for one primal, a tuple for several; zeros for an unused one.

        With ``order`` n, the n-th derivative by the single primal: each time the sum of the last is differentiated.
        Errors: ``Unsupported`` where ``order`` > 1 and the backend's derivatives cannot be differentiated.
        """
        if order == 1:
            _, grads = self.vjp(fn, primals)
            filled = tuple(_or_zeros(grad, self.held(each)) for grad, each in zip(grads, primals, strict=True))
            return filled[0] if len(primals) == 1 else filled
        (primal,) = primals
        return self._nth(fn, np.asarray(primal), order, None)

    def hessian(self, fn: Fn, x: Any) -> Array:
        """The second derivatives of the scalar ``fn`` at ``x``, of the shape of ``x`` twice over."""
        x = np.asarray(x)
        rows = [self._nth(fn, x, 2, basis.reshape(x.shape)) for basis in np.eye(x.size, dtype=x.dtype)]
        return np.stack(rows).reshape(x.shape + x.shape)

    def _nth(self, fn: Fn, x: Array, order: int, cotangent: Array | None) -> Array:
        """The n-th derivative; the last differentiation is weighted with ``cotangent``."""
        weight = None if cotangent is None else self._given(cotangent)
        with self._lacking("higher derivatives"):
            if getattr(self.backend, "nested", False):
                grad = self._nested(self._lift(fn), x, order, weight)
            elif "higher" in self._profiles:
                grad = self._taped(self._lift(fn), x, order, weight)
            else:
                raise Unsupported("create_graph")
        return _or_zeros(None if grad is None else self._array(grad), self.held(x))

    def _nested(self, flat: Fn, x: Array, order: int, weight: Any) -> Any:
        zeros = self._given(np.zeros_like(x))

        def derivative(inner: Fn) -> Fn:
            def outer(x: Any) -> Any:
                (grad,) = self._vjp(inner, (x,), None)[1]
                return zeros if grad is None else grad

            return outer

        for _ in range(order - 1):
            flat = derivative(flat)
        return self._vjp(flat, (self._given(x),), weight)[1][0]

    def _taped(self, flat: Fn, x: Array, order: int, weight: Any) -> Any:
        set_grad = getattr(self.backend, "set_grad_of", None)
        if set_grad is None:
            raise Unsupported("setting .grad")
        leaf = self.backend.leaf(self.held(x), requires_grad=True)
        current = flat(leaf)
        for step in range(order):
            last = step == order - 1
            cotangent = (
                weight if last and weight is not None else self.backend.asarray(np.ones_like(self._array(current)))
            )
            set_grad(leaf, None)
            self.backend.backward(current, cotangent, create_graph=not last)
            current = self.backend.grad_of(leaf)
            if current is None:
                return None
        return current

    def _value(self, lifted: Fn, given: list[Any]) -> Any:
        own = getattr(self.backend, "value", None)
        return lifted(*given) if own is None else own(lifted, tuple(given))

    def _vjp(self, flat: Fn, arrays: tuple[Any, ...], cotangent: Any) -> tuple[Any, tuple[Any, ...]]:
        own = getattr(self.backend, "vjp", None)
        result = own(flat, arrays, cotangent) if own is not None else tape_vjp(self.backend, flat, arrays, cotangent)
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], list | tuple)):
            raise InvalidBackend(f"{self.backend.name}: vjp must return (output, grads), grads a tuple, one a primal")
        if len(result[1]) != len(arrays):
            raise InvalidBackend(f"{self.backend.name}: vjp gave {len(result[1])} gradients for {len(arrays)} primals")
        return result[0], tuple(result[1])

    def _lift(self, fn: Fn) -> Fn:
        """``fn`` as a function of the library's own values: what the backend's ``vjp`` sees.

        A backend that says ``constants_first`` is given no function that makes tensors of NumPy's arrays.
        """
        if getattr(self.backend, "constants_first", False) and hasattr(fn, "with_constants"):
            fn = fn.with_constants(self.xp)
        if not self._thin:
            return lambda *raws: fn(self.xp, *raws)
        return lambda *raws: self.xp.unwrap(fn(self.xp, *map(self.xp.wrap, raws)))

    def _close(self, fn: Fn, primals: Any) -> tuple[Fn, list[bool], tuple[Any, ...]]:
        """``fn`` as a function of its differentiable primals alone, which primals those are, and their values."""
        arrays = [np.asarray(each) for each in primals]
        differentiable = [array.dtype.kind not in "iub" for array in arrays]
        lifted, values = self._lift(fn), [self._given(each) for each in arrays]

        def flat(*given: Any) -> Any:
            found = iter(given)
            return lifted(*(next(found) if use else value for use, value in zip(differentiable, values, strict=True)))

        return flat, differentiable, tuple(value for use, value in zip(differentiable, values, strict=True) if use)

    def require(self, dtype: str) -> None:
        """Errors: ``Unsupported`` where the backend computes in nothing as wide as ``dtype``."""
        require(dtype, self.widest)

    def held(self, array: Any) -> Array:
        """``array`` in the dtype in which the backend computes.

        Errors: ``Unsupported`` for numbers that this dtype has not.
        """
        return narrowed(np.asarray(array), self.widest, exact=True)

    def _given(self, array: Any) -> Any:
        return self.backend.asarray(self.held(array))

    def _array(self, value: Any) -> Array:
        return np.asarray(self.backend.to_numpy(value))

    @contextmanager
    def _lacking(self, feature: str) -> Iterator[None]:
        """A library that says "not implemented" lacks something: it is not wrong."""
        try:
            yield
        except Unsupported:
            raise
        except NotImplementedError as error:
            raise Unsupported(feature, str(error).partition("\n")[0]) from error


def _or_zeros(grad: Array | None, primal: Any) -> Array:
    return np.zeros_like(np.asarray(primal)) if grad is None else grad
