"""What PyTorch chooses where a reduction, a sort or a norm has no derivative: which of equal elements gets the gradient."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
INF, NAN = float("inf"), float("nan")


def gradient(calculus, fn, x, cotangent=None):
    """The gradient of ``fn`` at ``x``, with ones where no cotangent is given."""
    return calculus.vjp(fn, (np.array(x),), cotangent)[1][0]


MEDIANS = {
    "even_count": (lambda xp, x: x.median(), [1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 0.0, 0.0]),
    "ties": (lambda xp, x: x.median(), [2.0, 2.0, 2.0], [1 / 3, 1 / 3, 1 / 3]),
    "dim": (lambda xp, x: x.median(0)[0], [2.0, 2.0, 2.0], [0.0, 1.0, 0.0]),
    "nan": (lambda xp, x: x.nanmedian(), [1.0, NAN, 3.0], [1.0, 0.0, 0.0]),
    "kthvalue": (lambda xp, x: x.kthvalue(2)[0], [3.0, 1.0, 2.0], [0.0, 0.0, 1.0]),
    "mode": (lambda xp, x: x.mode()[0], [1.0, 2.0, 2.0], [0.0, 0.0, 1.0]),
    "quantile": (lambda xp, x: x.quantile(0.5), [1.0, 2.0, 3.0, 4.0], [0.0, 0.5, 0.5, 0.0]),
}


@behaviour("SG-07", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(("fn", "x", "expected"), MEDIANS.values(), ids=MEDIANS)
def test_middle(calculus, check, fn, x, expected):
    """The median of an even count is the lower middle one; ties of the whole share evenly, along a dimension one gets all."""
    check.close(gradient(calculus, fn, x), expected)


SORTS = {
    "sort": (lambda xp, x: x.sort()[0], [2.0, 2.0, 1.0], [1.0, 10.0, 100.0], [10.0, 100.0, 1.0]),
    "descending": (lambda xp, x: x.sort(descending=True)[0], [2.0, 2.0, 1.0], [1.0, 10.0, 100.0], [1.0, 10.0, 100.0]),
    "stable": (lambda xp, x: x.sort(stable=True)[0], [2.0, 2.0, 1.0], [1.0, 10.0, 100.0], [10.0, 100.0, 1.0]),
    "topk": (lambda xp, x: x.topk(2)[0], [2.0, 2.0, 2.0], [1.0, 10.0], [1.0, 10.0, 0.0]),
    "msort": (lambda xp, x: x.msort(), [2.0, 2.0], [1.0, 10.0], [1.0, 10.0]),
}


@behaviour("SG-08", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(("fn", "x", "cotangent", "expected"), SORTS.values(), ids=SORTS)
def test_sorted(calculus, check, fn, x, cotangent, expected):
    """Each sorted element's gradient goes back to the place that the returned indices name, ties included."""
    check.equal(gradient(calculus, fn, x, cotangent), expected)


CUMULATIVE = {
    "cummax": (lambda xp, x: x.cummax(0)[0], [1.0, 3.0, 3.0, 2.0]),
    "cummin": (lambda xp, x: x.cummin(0)[0], [2.0, 1.0, 1.0, 3.0]),
}


@behaviour("SG-09", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(("fn", "x"), CUMULATIVE.values(), ids=CUMULATIVE)
def test_running_extremum(calculus, check, fn, x):
    """Of equal extrema the latest one gets the gradient of all that follows."""
    check.equal(gradient(calculus, fn, x), [1.0, 1.0, 2.0, 0.0])


NORMS = {
    "1": (1, [1.0, -1.0]),
    "2": (2, [0.5**0.5, -(0.5**0.5)]),
    "3": (3, [2 ** (-2 / 3), -(2 ** (-2 / 3))]),
    "half": (0.5, [2.0, -2.0]),
    "inf": (INF, [0.5, -0.5]),
    "-inf": (-INF, [0.5, -0.5]),
}


@behaviour("SG-15", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize(("p", "at_ties"), NORMS.values(), ids=NORMS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_norm(calculus, check, p, at_ties):
    """A p-norm has gradient 0 at 0; the largest and the smallest share theirs evenly at ties."""
    check.equal(gradient(calculus, lambda xp, x: x.norm(p), [0.0, 0.0]), [0.0, 0.0])
    check.close(gradient(calculus, lambda xp, x: x.norm(p), [3.0, -3.0]), at_ties)


@behaviour("SG-40", source=SOURCE, level="may", profile="core")
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_deviation_of_one(calculus, check):
    """The deviation of a single element has a nan gradient; its biased variance has 0."""
    check.equal(gradient(calculus, lambda xp, x: x.std(1), [[1.0], [2.0]]), [[NAN], [NAN]])
    check.equal(gradient(calculus, lambda xp, x: x.var(1, unbiased=False), [[1.0], [2.0]]), [[0.0], [0.0]])


REDUCED = {
    "amax": ([1 / 3, 0.0], [1 / 3, 1 / 3, 1.0]),
    "amin": ([1 / 3, 1.0], [1 / 3, 1 / 3, 0.0]),
    "sum": ([1.0, 1.0], [1.0, 1.0, 1.0]),
    "mean": ([1 / 3, 0.5], [1 / 3, 1 / 3, 0.5]),
    "prod": ([9.0, 2.0], [9.0, 9.0, 0.0]),
}


@behaviour("SG-31", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(("reduce", "grad", "grad_source"), [(k, *v) for k, v in REDUCED.items()], ids=REDUCED)
def test_scatter_reduce(xp, check, reduce, grad, grad_source):
    """scatter_reduce shares evenly among all that tie, the old value included; a product with a zero is exact."""
    x, y = xp.tensor([3.0, 0.0], requires_grad=True), xp.tensor([3.0, 3.0, 2.0], requires_grad=True)
    x.scatter_reduce(0, xp.tensor([0, 0, 1]), y, reduce).sum().backward()
    check.close(x.grad, grad)
    check.close(y.grad, grad_source)


@behaviour("SG-06", source=SOURCE, level="may", profile="namespace")
def test_aminmax(calculus, check):
    """aminmax shares the gradient of a tie evenly, as amax does."""
    check.equal(gradient(calculus, lambda xp, x: x.aminmax()[1], [3.0, 3.0]), [0.5, 0.5])


SUMS = {
    "diff": (lambda xp, x: xp.diff(x), [1.0, 2.0, 4.0], [-1.0, 0.0, 1.0]),
    "cumsum": (lambda xp, x: xp.cumsum(x, 0), [1.0, 2.0, 3.0], [3.0, 2.0, 1.0]),
    "trapezoid": (lambda xp, x: xp.trapezoid(x), [1.0, 2.0, 3.0], [0.5, 1.0, 0.5]),
}


@behaviour("SG-39", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("fn", "x", "expected"), SUMS.values(), ids=SUMS)
def test_sums_and_differences(calculus, check, fn, x, expected):
    """The gradients of running sums run backwards, those of differences are differences."""
    check.equal(gradient(calculus, fn, x), expected)
