"""The questions about an op: what a backend answers for one sample, as plain arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, cached_property
from typing import Any

import numpy as np

from refgrad.harness.adapters.calculus import Calculus
from refgrad.harness.opinfo import OpInfo, SampleInput, bind, uniform

__all__ = ["QUESTIONS", "Asked", "questions"]

Array = np.ndarray[Any, Any]
Answer = list[Array]

QUESTIONS = ("value", "vjp", "jacobian", "second", "jvp")
LARGEST_JACOBIAN = 64  # elements


class Asked:
    """One sample, put to a backend: each question is a method."""

    def __init__(self, calculus: Calculus, op: OpInfo, sample: SampleInput) -> None:
        self.calculus, self.op, self.sample = calculus, op, sample
        self.fn, self._arrays = bind(op, sample)
        self._answers = dict[str, Answer]()

    @property
    def arrays(self) -> tuple[Array, ...]:
        """The differentiable inputs, each time anew: a backend may write into what it is given."""
        return tuple(array.copy() for array in self._arrays)

    def answer(self, question: str) -> Answer:
        """The answer to the question of that name; it is asked once."""
        if question not in self._answers:
            self._answers[question] = getattr(self, question)()
        return self._answers[question]

    def value(self) -> Answer:
        """Every output."""
        return list(self.calculus.value(self.fn, *self.arrays))

    def vjp(self) -> Answer:
        """For each output that has a gradient: those of all inputs, with a cotangent that varies, then with ones."""
        return [
            grad
            for place, weights in self.outputs
            for cotangent in (weights, None)
            for grad in self.gradients(self.pick(place), cotangent)
        ]

    def by_ones(self, number: int) -> bool:
        """Whether a gradient of ``vjp`` is that of ones."""
        return number // len(self._arrays) % 2 == 1

    def place(self, number: int, at: tuple[int, ...]) -> str:
        """An element of a gradient of ``vjp``, in words: by the numbers that meet there, if the op goes by element."""
        which, shapes = number % len(self._arrays), {array.shape for array in (*self._arrays, *self.weights)}
        by = f" by input {which}" if len(self._arrays) > 1 else ""
        if len(shapes) == 1:
            return f"{self.op.id} at {', '.join(f'{array[at]:.4g}' for array in self._arrays)}{by}"
        return f"{self.op.id}({self.sample}) at {list(at)}{by}"

    @property
    def weights(self) -> Answer:
        """The cotangents of the outputs."""
        return [weights for _, weights in self.outputs]

    def jacobian(self) -> Answer:
        """Of the first output, a matrix an input: a row for each element of the output, as many as are affordable."""
        if not self.outputs:
            return []
        place, weights = self.outputs[0]
        affordable = LARGEST_JACOBIAN // max(1, sum(array.size for array in self.arrays))
        rows = np.eye(min(weights.size, affordable), weights.size, dtype=weights.dtype)
        found = [self.gradients(self.pick(place), row.reshape(weights.shape)) for row in rows]
        return [np.stack([grad.ravel() for grad in grads]) for grads in zip(*found, strict=True)]

    def second(self) -> Answer:
        """For each output, the gradients of what the inputs' gradients come to, weighted and summed."""
        return [
            grad
            for place, weights in self.outputs
            for grad in self.calculus.second(self.pick(place), self.arrays, weights, self.directions())
        ]

    def jvp(self) -> Answer:
        """For each output its tangent."""
        return [self.calculus.jvp(self.pick(place), self.arrays, self.directions())[1] for place, _ in self.outputs]

    @cached_property
    def outputs(self) -> list[tuple[int, Array]]:
        """The outputs that can have a gradient, and a cotangent for each."""
        values = enumerate(self.answer("value"))
        return [(place, weights_like(each, 100 + place)) for place, each in values if each.dtype.kind in "fc"]

    def directions(self) -> Answer:
        """A tangent for each input."""
        return [weights_like(array, 200 + place) for place, array in enumerate(self.arrays)]

    def gradients(self, fn: Callable[..., Any], cotangent: Array | None) -> Answer:
        """One gradient an input; zeros where there is none, for libraries differ only in how they say so."""
        _, grads = self.calculus.vjp(fn, self.arrays, cotangent)
        held = map(self.calculus.held, self.arrays)
        return [np.zeros_like(x) if grad is None else grad for x, grad in zip(held, grads, strict=True)]

    def pick(self, place: int) -> Callable[..., Any]:
        """The function of one output alone."""
        return picked(self.fn, place)


def questions(op: OpInfo, sample: SampleInput) -> Iterator[str]:
    """The names of the questions that make sense: where a derivative may be undefined, no further derivatives."""
    yield "value"
    if not op.differentiable or not any(array.differentiable for array in sample.arrays()):
        return
    yield "vjp"
    if sample.kink:
        return
    yield "jacobian"
    yield from (question for question, has in (("second", op.second), ("jvp", op.forward)) if has)


def weights_like(array: Array, seed: int) -> Array:
    """Numbers of both signs away from zero, none like another: constant weights would hide a permutation."""
    real = weights(seed, array.shape)
    mixed = real + 1j * weights(seed + 1000, array.shape) if array.dtype.kind == "c" else real
    return mixed.astype(array.dtype)


@cache
def weights(seed: int, shape: tuple[int, ...]) -> Array:
    draw = uniform(seed, shape)
    return np.asarray(np.round((draw + 0.5) * np.where(draw * 2**20 % 1 < 0.5, -1, 1), 3))


def picked(fn: Any, place: int) -> Callable[..., Any]:
    """``fn`` as a function of one of its results."""

    def one(xp: Any, *tensors: Any) -> Any:
        return fn(xp, *tensors)[place]

    if hasattr(fn, "with_constants"):
        one.with_constants = lambda xp: picked(fn.with_constants(xp), place)  # type: ignore[attr-defined]
    return one
