"""Factors and spectra of matrices; those that are not unique are compared without what is free."""

from typing import Any

from refgrad.harness.op_db.samples import definite, error, integers, op, real, regular, sample, values

Z, F = "complex128", "float32"
SQUARE = "must be batches of square matrices, but they are 2 by 3 matrices"


def symmetric(xp: Any, found: Any) -> list[Any]:
    """Eigenvalues, and eigenvectors without their signs or phases."""
    return [found[0], xp.abs(found[1])]


def hermitian(A: Any) -> Any:
    """The Hermitian part: of a tangent that is not Hermitian, PyTorch's forward mode and its gradient are no transposes."""
    return (A + A.transpose(-2, -1).conj()) / 2 if A.shape[-1] == A.shape[-2] else A


def powers(xp: Any, found: Any) -> list[Any]:
    """Sums of powers of eigenvalues, which know no order."""
    value = found[0]
    return [xp.sum(value, -1), xp.sum(value * value, -1), xp.sum(value * value * value, -1)]


HERMITIAN = (definite(3, 3), definite(2, 2, 2), definite(1, 1), definite(2, 2, dtype=Z))
OPS = (
    op("linalg.cholesky", *(sample(A) for A in HERMITIAN), sample(definite(3, 3), upper=True), prepare=hermitian,
       errors=[error("RuntimeError", SQUARE, real(2, 3)),
               error("_LinAlgError", "the input is not positive-definite", values([[1.0, 2.0], [2.0, 1.0]]))]),
    op("linalg.qr", sample(real(3, 3)), sample(real(4, 2)), sample(real(2, 4)), sample(real(2, 3, 2)), sample(real(3, 2, dtype=Z)),
       errors=[error("RuntimeError", "must have at least 2 dimensions", real(3)), error("RuntimeError", "qr received unrecognized mode", real(2, 2), mode="x")]),
    op("linalg.lu", sample(regular(3, 3)), sample(real(3, 2)), sample(real(2, 3)), sample(regular(2, 2, 2)), sample(regular(2, 2, dtype=Z)),
       errors=[error("RuntimeError", "Expected tensor with 2 or more dimensions", real(3))]),
    op("linalg.lu_factor", sample(regular(3, 3)), sample(real(3, 2)), sample(real(2, 3))),
    op("linalg.eigh", *(sample(A) for A in HERMITIAN), sample(definite(3, 3), UPLO="U"), prepare=hermitian, comparable=symmetric,
       errors=[error("RuntimeError", SQUARE, real(2, 3)), error("RuntimeError", "Expected UPLO argument to be 'L' or 'U'", definite(2, 2), UPLO="X")]),
    op("linalg.eigvalsh", *(sample(A) for A in HERMITIAN), errors=[error("RuntimeError", SQUARE, real(2, 3))]),
    op("linalg.svd", sample(real(3, 3)), sample(real(4, 2)), sample(real(2, 4)), sample(real(2, 3, 2)), sample(real(3, 2, dtype=Z)),
       comparable=lambda xp, found: [found[1], *(xp.abs(found[i]) for i in (0, 2))] if found[0].shape[-1] == found[2].shape[-2] else [found[1]],
       errors=[error("RuntimeError", "must have at least 2 dimensions", real(3)), error("RuntimeError", "Expected a floating point", integers(2, 2, below=5))]),
    op("linalg.svdvals", sample(real(3, 3)), sample(real(4, 2)), sample(real(2, 4)), sample(real(2, 3, 2)), sample(real(3, 2, dtype=Z)), sample(real(3, 3, dtype=F))),
    op("linalg.householder_product", sample(real(3, 2), real(2)), sample(real(2, 3, 2), real(2, 2)), sample(real(3, 3), real(1)), sample(real(3, 2, dtype=Z), real(2, dtype=Z)),
       errors=[error("RuntimeError", "input.shape[-2] must be greater than or equal to input.shape[-1]", real(2, 3), real(2))]),
    op("linalg.eigvals", sample(real(3, 3)), sample(real(2, 2, 2)), sample(real(2, 2, dtype=Z)), comparable=powers,
       errors=[error("RuntimeError", SQUARE, real(2, 3))]),
    op("linalg.cholesky_ex", *(sample(A) for A in HERMITIAN), prepare=hermitian, comparable=lambda xp, found: found[0]),
    op("linalg.lu_factor_ex", sample(regular(3, 3)), sample(real(3, 2))),
    op("qr", sample(real(3, 3)), sample(real(4, 2)), sample(real(2, 4)), errors=[error("RuntimeError", "must have at least 2 dimensions", real(3))]),
    op("pinverse", sample(real(3, 2)), sample(real(2, 3)), sample(real(2, 3, 2))),
)  # fmt: skip
