"""Linear equations, inverses and determinants."""

from refgrad.harness.op_db.samples import definite, error, integers, op, real, regular, sample
from refgrad.harness.opinfo import Array, ErrorInput, OpInfo

Z, F = "complex128", "float32"
SQUARE = "must be batches of square matrices, but they are 2 by 3 matrices"
FLOATING = "Expected a floating point or complex tensor as input"
ZEROS = Array((2, 2), values=[[0.0, 0.0], [0.0, 0.0]])
MATRICES = (
    regular(3, 3),
    regular(2, 3, 3),
    regular(1, 1),
    real(0, 0),
    real(0, 2, 2),
    regular(2, 2, dtype=Z),
    regular(2, 2, dtype=F),
)


def of_matrix(name: str, *, errors: tuple[ErrorInput, ...] = (), matrices: tuple[Array, ...] = MATRICES) -> OpInfo:
    """Of a square matrix and batches of it."""
    refused = [error("RuntimeError", SQUARE, real(2, 3)), error("RuntimeError", FLOATING, integers(2, 2, below=5))]
    return op(name, *(sample(A) for A in matrices), errors=[*refused, *errors])


OPS = (
    of_matrix("linalg.det"),
    of_matrix("linalg.slogdet"),
    of_matrix("logdet", matrices=(definite(3, 3), definite(2, 2, 2), definite(1, 1))),
    of_matrix("linalg.inv", errors=(error("_LinAlgError", "the input matrix is singular", ZEROS),)),
    of_matrix("linalg.matrix_exp"),
    op("linalg.matrix_power", *(sample(regular(2, 2), n) for n in (0, 1, 2, 3, 5, -2)), sample(regular(2, 2, 2, dtype=Z), 3),
       errors=[error("RuntimeError", SQUARE, real(2, 3), 2)]),
    op("linalg.solve", sample(regular(3, 3), real(3, 2)), sample(regular(3, 3), real(3)), sample(regular(2, 3, 3), real(3, 2)),
       sample(regular(2, 3, 3), real(2, 3)), sample(regular(3, 3), real(2, 3, 1)), sample(regular(3, 3), real(2, 3), left=False),
       sample(regular(2, 2, dtype=Z), real(2, 1, dtype=Z)), sample(real(0, 0), real(0, 2)),
       errors=[error("RuntimeError", SQUARE, real(2, 3), real(2)), error("RuntimeError", "Incompatible shapes of A and B", regular(3, 3), real(2, 2)),
               error("RuntimeError", "to have the same dtype", regular(2, 2), real(2, 1, dtype=F)),
               error("_LinAlgError", "the input matrix is singular", ZEROS, real(2))]),
    op("linalg.solve_triangular", sample(regular(3, 3), real(3, 2), upper=True), sample(regular(3, 3), real(3, 2), upper=False),
       sample(regular(3, 3), real(2, 3), upper=True, left=False), sample(regular(3, 3), real(3, 1), upper=False, unitriangular=True),
       sample(regular(2, 3, 3), real(3, 2), upper=True), sample(regular(2, 2, dtype=Z), real(2, 1, dtype=Z), upper=True),
       errors=[error("RuntimeError", "Incompatible shapes of A and B", regular(3, 3), real(2, 1), upper=True)]),
    op("cholesky_solve", sample(real(3, 2), regular(3, 3)), sample(real(3, 2), regular(3, 3), upper=True), sample(real(2, 3, 1), regular(3, 3)),
       errors=[error("RuntimeError", "Incompatible matrix sizes for cholesky_solve", real(2, 2), regular(3, 3))]),
    op("linalg.tensorinv", sample(Array((2, 2, 4), values=regular(4, 4).base(0).reshape(2, 2, 4).tolist()), 2),
       errors=[error("RuntimeError", "Expected self to satisfy the requirement", real(2, 3))]),
    op("linalg.tensorsolve", sample(Array((2, 2, 4), values=regular(4, 4).base(0).reshape(2, 2, 4).tolist()), real(2, 2)),
       errors=[error("RuntimeError", "Expected self to satisfy the requirement", real(2, 3), real(2))]),
    op("linalg.pinv", sample(real(3, 2)), sample(real(2, 3)), sample(real(2, 3, 2)), sample(real(2, 3, dtype=Z)), sample(definite(2, 2), hermitian=True),
       errors=[error("RuntimeError", "expected a tensor with 2 or more dimensions", real(2))]),
    # LAPACK chooses its path by where the memory lies: PyTorch's last bits vary between equal calls
    op("linalg.lstsq", sample(real(4, 2), real(4, 3)), sample(real(4, 2), real(4)), sample(real(2, 4), real(2, 1)),
       comparable=lambda xp, found: found[0], forward=False, repeatable=False,
       errors=[error("RuntimeError", "input.size(-2) should match other.size(-2)", real(3, 2), real(2, 2))]),
    op("linalg.inv_ex", sample(regular(3, 3)), sample(regular(2, 2, 2)), comparable=lambda xp, found: found[0]),
    op("linalg.solve_ex", sample(regular(3, 3), real(3, 2)), sample(regular(2, 3, 3), real(2, 3)), comparable=lambda xp, found: found[0]),
    # its forward mode is not asked: PyTorch's reads the tangent's other triangle, and is wrong (docs/findings.md)
    op("triangular_solve", sample(real(3, 2), regular(3, 3)), sample(real(3, 2), regular(3, 3), upper=False, transpose=True),
       sample(real(3, 2), regular(3, 3), unitriangular=True), comparable=lambda xp, found: found[0], forward=False,
       errors=[error("RuntimeError", "Incompatible matrix sizes for triangular_solve", real(2, 2), regular(3, 3))]),
    op("matrix_exp", sample(regular(2, 2)), sample(real(2, 2, 2)), errors=[error("RuntimeError", SQUARE, real(2, 3))]),
)  # fmt: skip
