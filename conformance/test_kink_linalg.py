"""What PyTorch gives where a matrix is singular, or its eigenvalues or singular values repeat, or two points coincide."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
INF, NAN = float("inf"), float("nan")
IDENTITY, ZEROS = [[1.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]
SINGULAR = [[1.0, 2.0], [2.0, 4.0]]
ALL_NAN = [[NAN, NAN], [NAN, NAN]]


def gradient(calculus, fn, x):
    """The gradient of the sum of ``fn`` at ``x``."""
    return calculus.vjp(fn, (np.array(x),))[1][0]


REPEATED = {
    "spectral_norm": (lambda xp, x: xp.linalg.matrix_norm(x, 2), IDENTITY, [[0.5, 0.0], [0.0, 0.5]]),
    "nuclear_norm": (lambda xp, x: xp.linalg.matrix_norm(x, "nuc"), IDENTITY, IDENTITY),
    "frobenius_norm": (lambda xp, x: xp.linalg.matrix_norm(x), ZEROS, ZEROS),
}


@behaviour("SG-16", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(("fn", "x", "expected"), REPEATED.values(), ids=REPEATED)
def test_matrix_norm(calculus, check, fn, x, expected):
    """Equal largest singular values share a norm's gradient evenly; the Frobenius norm has 0 at 0."""
    check.close(gradient(calculus, fn, x), expected)


DISTANCES = {
    "cdist": (lambda xp, x: xp.cdist(x, x.detach()), [[1.0, 2.0]]),
    "cdist_1": (lambda xp, x: xp.cdist(x, x.detach(), p=1.0), [[1.0, 2.0]]),
    "dist": (lambda xp, x: xp.dist(x, x.detach()), [1.0, 2.0]),
    "pdist": (lambda xp, x: xp.pdist(x), [[1.0, 1.0], [1.0, 1.0]]),
}


@behaviour("SG-27", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(("fn", "x"), DISTANCES.values(), ids=DISTANCES)
def test_same_point(calculus, check, fn, x):
    """The distance of a point from itself has gradient 0."""
    check.equal(gradient(calculus, fn, x), np.zeros_like(x))


DETERMINANTS = {
    "det": (lambda xp, x: xp.det(x), ZEROS, ZEROS),
    "logdet": (lambda xp, x: xp.logdet(x), SINGULAR, [[-INF, INF], [INF, -INF]]),
    "slogdet": (lambda xp, x: xp.slogdet(x)[1], SINGULAR, [[-INF, INF], [INF, -INF]]),
}


@behaviour("SG-28", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(("fn", "x", "expected"), DETERMINANTS.values(), ids=DETERMINANTS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_singular(calculus, check, fn, x, expected):
    """At a singular matrix the determinant's gradient is finite, that of its logarithm infinite."""
    check.equal(gradient(calculus, fn, x), expected)


@behaviour("SG-28", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    ("name", "text"), [("inv", "the input matrix is singular"), ("cholesky", "the input is not positive-definite")]
)
def test_no_inverse(xp, check, name, text):
    """The inverse and the Cholesky factor of a singular matrix are errors."""
    with check.raises("_LinAlgError", text):
        getattr(xp.linalg, name)(xp.tensor(SINGULAR))


DECOMPOSITIONS = {
    "eigvalsh": (lambda xp, x: xp.linalg.eigvalsh(x), IDENTITY),
    "eigh": (lambda xp, x: xp.linalg.eigh(x)[1], ALL_NAN),
    "svd": (lambda xp, x: xp.linalg.svd(x)[0], ALL_NAN),
    "svdvals": (lambda xp, x: xp.linalg.svdvals(x), IDENTITY),
    "qr": (lambda xp, x: xp.linalg.qr(x)[1], [[1.0, 1.0], [1.0, 1.0]]),
}


@behaviour("SG-29", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(("fn", "expected"), DECOMPOSITIONS.values(), ids=DECOMPOSITIONS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_repeated_values(calculus, check, fn, expected):
    """Repeated eigenvalues or singular values have a gradient; their vectors have none, and give nan."""
    check.equal(gradient(calculus, fn, IDENTITY), expected)


MATRICES = {
    "tril": (lambda xp, x: xp.tril(x), SINGULAR, [[1.0, 0.0], [1.0, 1.0]]),
    "triu": (lambda xp, x: xp.triu(x), SINGULAR, [[1.0, 1.0], [0.0, 1.0]]),
    "trace": (lambda xp, x: xp.trace(x), SINGULAR, IDENTITY),
    "diag": (lambda xp, x: xp.diag(x), [1.0, 2.0], [1.0, 1.0]),
    "diag_embed": (lambda xp, x: xp.diag_embed(x), [1.0, 2.0], [1.0, 1.0]),
    "outer": (lambda xp, x: xp.outer(x, x.detach() + 2), [1.0, 2.0], [7.0, 7.0]),
    "kron": (lambda xp, x: xp.kron(x, x.detach()[:1] + 2), [1.0, 2.0], [3.0, 3.0]),
    "cross": (lambda xp, x: xp.linalg.cross(x, x.detach()), [1.0, 2.0, 4.0], [-2.0, 3.0, -1.0]),
}


@behaviour("SG-45", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("fn", "x", "expected"), MATRICES.values(), ids=MATRICES)
def test_matrices(calculus, check, fn, x, expected):
    """Parts, diagonals and products of matrices give each element the sum of what it was multiplied with."""
    check.equal(gradient(calculus, fn, x), expected)
