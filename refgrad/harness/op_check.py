"""One op of one backend held against PyTorch's answers: a question on all of the op's samples."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np

from refgrad.errors import InvalidGoldens, RefgradError, Unsupported
from refgrad.harness.adapters.calculus import Calculus
from refgrad.harness.adapters.precision import narrowed
from refgrad.harness.backend import record_again
from refgrad.harness.check import Check, Disagreement
from refgrad.harness.compare import Mismatch, compare
from refgrad.harness.goldens import MEND, Goldens
from refgrad.harness.kinks import slope
from refgrad.harness.opinfo import OpInfo, SampleInput, bind
from refgrad.harness.oracle.derivative import Slope
from refgrad.harness.questions import Answer, Asked, questions

__all__ = ["OpCheck", "Samples", "ops_with"]

__tracebackhide__ = True

Array = np.ndarray[Any, Any]
SHOWN = 3  # samples of an op that are told in full


def ops_with(ops: Iterable[OpInfo], question: str, *, kink: bool = False) -> list[OpInfo]:
    """The ops that have samples for a question, at kinks or away from them."""
    return [op for op in ops if any(each.kink == kink and question in questions(op, each) for each in op.samples)]


class Known(Asked):
    """A sample put to a backend, and what PyTorch answers."""

    def __init__(self, calculus: Calculus, op: OpInfo, sample: SampleInput, goldens: Goldens) -> None:
        super().__init__(calculus, op, sample)
        self.goldens = goldens
        self.questions = frozenset(questions(op, sample))

    @cached_property
    def recorded(self) -> dict[str, Answer]:
        """PyTorch's answers."""
        return self.goldens.answers(self.op, self.sample)

    def expected(self, question: str) -> Answer:
        """PyTorch's answer, in the dtypes in which the backend computes.

        Errors: ``InvalidGoldens`` where none is recorded, ``Unsupported`` for numbers that these dtypes have not.
        """
        if question not in self.recorded:
            raise InvalidGoldens(f"{self.op.id}({self.sample}): no {question} of PyTorch's is recorded; {MEND}")
        return [narrowed(each, self.calculus.widest, exact=True) for each in self.recorded[question]]


class Samples:
    """The samples of an op put to a backend; kept, with what was answered, while questions about one op come in a row."""

    def __init__(self, calculus: Calculus, goldens: Goldens) -> None:
        self.calculus, self.goldens = calculus, goldens
        self._op: OpInfo | None = None
        self._samples: list[Known] = []

    def of(self, op: OpInfo) -> list[Known]:
        """All of an op's."""
        if op is not self._op:
            self._op, self._samples = op, [Known(self.calculus, op, sample, self.goldens) for sample in op.samples]
        return self._samples


class OpCheck:
    """The comparisons of ``op``'s answers on its samples with those that PyTorch gave, told through ``check``."""

    def __init__(self, check: Check, samples: Samples, op: OpInfo) -> None:
        self.check, self.calculus, self.op = check, samples.calculus, op
        self.samples = samples.of(op)

    def chosen(self, question: str, *, kink: bool = False) -> list[Known]:
        """The samples that a question is asked about."""
        return [each for each in self.samples if each.sample.kink == kink and question in each.questions]

    def agree(self, question: str) -> None:
        """On every sample that asks it, the answer is PyTorch's: number of results, dtype, shape, values."""

        def judge(asked: Known) -> str:
            return difference(asked.answer(question), asked.expected(question))

        kinks = self.chosen(question, kink=True) if question == "value" else ()
        self.each([*self.chosen(question), *kinks], judge)

    def unchanged(self) -> None:
        """No input is written to, and the same call gives the same result again: bit for bit, of a ``repeatable`` op."""
        differs = another if self.op.repeatable else difference

        def judge(asked: Known) -> str:
            first, after = self.calculus.observe(asked.fn, *asked.arrays)
            again = differs(list(asked.value()), list(first))
            held = map(self.calculus.held, asked.arrays)
            return written_to(held, after) or (again and f"asked again, {again}")

        self.each(self.samples, judge)

    def transposed(self) -> None:
        """Forward and reverse mode are transposes of each other: both give the same number between fixed vectors."""

        def judge(asked: Known) -> str:
            weights, directions = [each for _, each in asked.outputs], asked.directions()
            forward = sum(inner(w, tangent) for w, tangent in zip(weights, asked.answer("jvp"), strict=True))
            grads = by_cotangent(asked.answer("vjp"), len(directions))[::2]  # the others are those of ones
            reverse = sum(inner(v, grad) for each in grads for v, grad in zip(directions, each, strict=True))
            if not np.isfinite([forward, reverse]).all():
                return ""
            dtype = roughest(*asked.arrays, *weights)
            mismatch = compare(np.asarray(forward, dtype), np.asarray(reverse, dtype))
            return "" if mismatch is None else f"jvp and vjp are no transposes: {mismatch}"

        self.each(self.chosen("jvp"), judge)

    def kinks(self) -> None:
        """Where PyTorch's gradient differs, no derivative is defined there, and the backend's lies between the sides."""

        def judge(asked: Known) -> str:
            actual, expected = asked.answer("vjp"), asked.expected("vjp")
            if len(actual) != len(expected):
                return f"{len(actual)} results, expected {len(expected)}"
            pairs = sorted(enumerate(zip(actual, expected)), key=lambda pair: not asked.by_ones(pair[0]))
            return next((each for i, pair in pairs for each in self.weigh(asked, i, *pair)), "")

        self.each(self.chosen("vjp", kink=True), judge)

    def weigh(self, asked: Asked, number: int, actual: Array, expected: Array) -> Iterator[str]:
        """What is wrong with one gradient; what is a convention is noted by name."""
        if wrong := other_kind(actual, expected):
            yield f"gradient {number}: {wrong}"
            return
        for at, mismatch in mismatches(actual, expected):
            around = self.slope_at(asked, number, at)
            mine, theirs = (around.holds(float(each[at].real)) for each in (actual, expected))
            if not mine or (around.defined and theirs):
                yield f"gradient {number}, element {list(at)}: {mismatch}\n  {around}"
            else:
                self.choose(asked.place(number, at), actual[at], expected[at])

    def choose(self, where: str, chosen: Any, torch: Any) -> None:
        """Note a choice; one that was noted with ones for a cotangent is the derivative itself, and stays."""
        if where not in {each[0] for each in self.check.choices}:
            self.check.choices.append((where, f"{chosen:.4g}", f"{torch:.4g}"))

    def slope_at(self, asked: Asked, number: int, at: tuple[int, ...]) -> Slope:
        """The one-sided derivatives that a gradient of ``vjp`` should lie between, by the backend's own values."""
        which, ones = number % len(asked.arrays), asked.by_ones(number)
        place, weights = asked.outputs[number // len(asked.arrays) // 2]

        def function(x: Array) -> Array:
            primals = [x if i == which else each for i, each in enumerate(asked.arrays)]
            return np.asarray(self.calculus.value(asked.pick(place), *primals))

        return slope(function, asked.arrays[which], at, np.ones_like(weights) if ones else weights)

    def errors(self) -> None:
        """Every wrong input is refused; a backend that speaks torch says so in PyTorch's words."""

        def judge(wrong: Any) -> str:
            fn, arrays = bind(self.op, wrong.sample)
            try:
                with self.check.raises(wrong.error, wrong.text):
                    self.calculus.value(fn, *arrays)
            except Disagreement as problem:
                return str(problem).partition(": ")[2]
            return ""

        self.each(self.op.errors, judge)

    def each(self, samples: Iterable[Any], judge: Callable[[Any], str]) -> None:
        """Judge each sample; those that the backend lacks something for are told apart, and never passed."""
        wrong, lacking, samples = list[str](), list[BaseException](), list(samples)
        for sample in samples:
            try:
                said = judge(sample)
            except Exception as error:  # whatever a library raises is its answer
                record_again(self.calculus.backend)
                if isinstance(error, RefgradError) and not isinstance(error, Unsupported):
                    raise
                if self.check.lacks(error) is not None:
                    lacking.append(error)
                    continue
                said = f"raised {type(error).__name__}: {error}"
            if said:
                wrong.append(f"{self.op.id}({getattr(sample, 'sample', sample)}): {said}")
        if wrong:
            rest = f"\nand {len(wrong) - SHOWN} more samples" if len(wrong) > SHOWN else ""
            self.check.fail("\n".join(islice(wrong, SHOWN)) + rest)
        if lacking and len(lacking) == len(samples):
            raise lacking[0]
        if lacking:
            self.check.lacking.append(f"{len(lacking)} of {len(samples)} samples: {lacking[0]}")


def by_cotangent(answer: Answer, inputs: int) -> list[Answer]:
    """The gradients of ``vjp`` by the cotangent that they are for."""
    return [answer[start : start + inputs] for start in range(0, len(answer), inputs)]


def difference(actual: list[Array], expected: list[Array]) -> str:
    """The first thing in which two answers differ, or nothing."""
    if len(actual) != len(expected):
        return f"{len(actual)} results, expected {len(expected)}"
    for number, (mine, theirs) in enumerate(zip(actual, expected, strict=True)):
        if wrong := other_kind(mine, theirs) or compare(mine, theirs):
            return f"result {number} {wrong}" if len(actual) > 1 else str(wrong)
    return ""


def other_kind(actual: Array, expected: Array) -> str:
    """Whether dtype or shape differ, in words."""
    for name in ("dtype", "shape"):
        if getattr(actual, name) != getattr(expected, name):
            return f"{name} is {getattr(actual, name)}, expected {getattr(expected, name)}"
    return ""


def mismatches(actual: Array, expected: Array) -> Iterator[tuple[tuple[int, ...], Mismatch]]:
    """Every element that differs."""
    for at in np.ndindex(actual.shape):
        if mismatch := compare(np.asarray(actual[at]), np.asarray(expected[at])):
            yield at, mismatch


def written_to(before: Iterable[Array], after: Iterable[Array]) -> str:
    for number, (old, new) in enumerate(zip(before, after, strict=True)):
        if not np.array_equal(old, new, equal_nan=True):
            return f"input {number} was written to: {old.tolist()} became {new.tolist()}"
    return ""


def another(second: list[Array], first: list[Array]) -> str:
    """The first result that is not the same bit for bit."""
    for number, (again, once) in enumerate(zip(second, first, strict=True)):
        if once.tobytes() != again.tobytes():
            return f"result {number} is not the same: {again.tolist()}, at first {once.tolist()}"
    return ""


def inner(weights: Array, array: Array) -> Any:
    """The inner product of real vectors, that of complex ones by their parts."""
    return np.sum((np.conj(weights) * array).real)


def roughest(*arrays: Array) -> np.dtype[Any]:
    """The real dtype of least precision that takes part."""
    return max((np.finfo(array.dtype).dtype for array in arrays), key=lambda dtype: np.finfo(dtype).eps)
