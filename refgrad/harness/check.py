"""The comparisons that a test of the suite is written with, bound to one backend."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from refgrad.errors import NotApplicable, RefgradError
from refgrad.harness.adapters.precision import narrowed
from refgrad.harness.compare import compare

__all__ = ["Check", "Disagreement"]

__tracebackhide__ = True  # a failure is shown at the test's own line, as pytest does for an assert

# what a library says about its own insides is no part of its behaviour; Python hides these from users too
INTERNAL = (DeprecationWarning, PendingDeprecationWarning, ResourceWarning)

MOST = 9  # numbers of an array that are noted


class Disagreement(AssertionError):
    """The backend did something else than PyTorch does."""


class Check:
    """Compare what ``backend`` did with what PyTorch does, in the test called ``case``.

    ``array`` turns any tensor of the backend, or of its facade, into an ndarray.  ``strict`` is true for a backend that
    speaks torch: only there are classes and texts of errors compared.  ``choices`` are the values found that are not
    PyTorch's: where, what, and PyTorch's; ``lacking`` the parts of a test that the backend has not the means for.
    Both sides are compared no wider than ``widest``.
    """

    def __init__(
        self, backend: str, case: str, *, array: Callable[[Any], np.ndarray], strict: bool,
        lacks: Callable[[BaseException], str | None] = lambda error: None, widest: str = "float64",
    ) -> None:  # fmt: skip
        self.backend, self.case, self.strict = backend, case, strict
        self._array, self.lacks, self._widest = array, lacks, widest
        self.choices, self.lacking = list[tuple[str, str, str]](), list[str]()

    def array(self, actual: Any) -> np.ndarray:
        """``actual`` as an ndarray, whatever it is and whether or not it requires a gradient; several of one shape as one."""
        if actual is None or (isinstance(actual, list | tuple) and any(each is None for each in actual)):
            self.fail("got None, expected a tensor (is there no gradient?)")
        if isinstance(actual, np.ndarray | np.generic | bool | int | float | complex | list | tuple):
            return narrowed(np.asarray(actual), self._widest)
        return self._array(actual)

    def close(self, actual: Any, expected: Any, *, rtol: float | None = None, atol: float | None = None) -> None:
        """Same shape, and near in value: by default as near as ``torch.testing`` asks for that dtype."""
        self.settle(self.array(actual), self.plain(expected), rtol=rtol, atol=atol)

    def equal(self, actual: Any, expected: Any) -> None:
        """Same shape and the same value at every element; texts, classes and None by Python's own equality."""
        if expected is None or isinstance(expected, str | type):
            self.same(actual, expected)
        else:
            self.settle(self.array(actual), self.plain(expected), exact=True)

    def dtype(self, actual: Any, expected: str) -> None:
        """The dtype, by its name in NumPy (``"float32"``)."""
        found = self.array(actual).dtype.name
        if found != expected:
            self.fail(f"dtype is {found}, expected {expected}")

    def shape(self, actual: Any, expected: tuple[int, ...]) -> None:
        """The shape, as a tuple."""
        found = self.array(actual).shape
        if found != tuple(expected):
            self.fail(f"shape is {found}, expected {tuple(expected)}")

    def none(self, actual: Any) -> None:
        """``actual`` is None, as ``.grad`` is before any backward."""
        if actual is not None:
            self.fail(f"got {actual!r}, expected None")

    def true(self, actual: Any, what: str = "") -> None:
        """``actual`` is True; ``what`` says what that means."""
        if actual is not True:
            self.fail(f"{what or 'the condition'} is {actual!r}, expected True")

    def false(self, actual: Any, what: str = "") -> None:
        """``actual`` is False; ``what`` says what that means."""
        if actual is not False:
            self.fail(f"{what or 'the condition'} is {actual!r}, expected False")

    def text(self, actual: str, expected: str) -> None:
        """Exactly this text."""
        if actual != expected:
            self.fail(f"text differs\n  got:      {actual!r}\n  expected: {expected!r}")

    @contextmanager
    def raises(self, expected: str, text: str = "") -> Iterator[None]:
        """The block raises; a backend that speaks torch must raise this class, saying ``text`` somewhere."""
        try:
            yield
        except (RefgradError, Disagreement):  # what refgrad says is no answer of the library's
            raise
        except Exception as error:  # what a library raises is its own affair: it is the thing under test
            self.judge_error(error, expected, text)
        else:
            self.fail(f"no error, expected {expected}{saying(text)}")

    @contextmanager
    def warns(self, expected: str, text: str = "") -> Iterator[None]:
        """The block warns with this class and text; asked only of a backend that speaks torch."""
        if not self.strict:
            raise NotApplicable("the texts of warnings are asked only of a backend that speaks torch")
        with recorded() as seen:
            yield
        if not any(is_a(each.category, expected) and text in str(each.message) for each in seen):
            self.fail(f"expected {expected}{saying(text)}; {listed(seen)}")

    @contextmanager
    def silent(self) -> Iterator[None]:
        """The block gives no warning that a user would see."""
        with recorded() as seen:
            yield
        visible = [each for each in seen if not issubclass(each.category, INTERNAL)]
        if visible:
            self.fail(f"expected no warning; {listed(visible)}")

    def judge_error(self, error: Exception, expected: str, text: str) -> None:
        if not self.strict:
            return
        if is_a(type(error), expected):
            if text not in str(error):
                self.fail(
                    f"{expected} says something else\n  got:      {str(error)!r}\n  expected: ...{text!r}...", error
                )
            return
        if self.lacks(error) is not None:
            raise error
        self.fail(f"raised {type(error).__name__}({str(error)!r}), expected {expected}{saying(text)}", error)

    def same(self, actual: Any, expected: Any) -> None:
        if type(actual) is not type(expected) or actual != expected:
            self.fail(f"got {actual!r}, expected {expected!r}")

    def plain(self, expected: Any) -> Any:
        if isinstance(expected, np.ndarray):
            return narrowed(expected, self._widest)
        if isinstance(expected, np.ndarray | np.generic | bool | int | float | complex | list | tuple):
            return expected
        return self.array(expected)

    def settle(self, actual: np.ndarray, expected: Any, **how: Any) -> None:
        mismatch = compare(actual, expected, **how)
        if mismatch is not None:
            self.choices.append(("", numbers(actual), numbers(expected)))
            self.fail(str(mismatch))

    def fail(self, what: str, cause: Exception | None = None) -> None:
        """Raise a Disagreement that names the backend and the case."""
        raise Disagreement(f"{self.backend}, {self.case}: {what}") from cause


@contextmanager
def recorded() -> Iterator[list[warnings.WarningMessage]]:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        yield seen


def numbers(array: Any) -> str:
    """What is in an array, floats in four digits; of a large one the first."""
    flat = np.asarray(array).ravel()
    told = [f"{each:.4g}" if flat.dtype.kind in "fc" else str(each) for each in flat[:MOST]]
    return ", ".join(told + ["..."] * (flat.size > MOST))


def is_a(kind: type, name: str) -> bool:
    return name in {each.__name__ for each in kind.__mro__}


def saying(text: str) -> str:
    return f" saying {text!r}" if text else ""


def listed(seen: list[warnings.WarningMessage]) -> str:
    if not seen:
        return "there was none"
    return "got " + "; ".join(f"{each.category.__name__}({str(each.message)!r})" for each in seen)
