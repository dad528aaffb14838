"""Comparisons and logic: no derivatives, but dtypes, broadcasting and nan."""

from refgrad.harness.op_db.samples import binary, boolean, error, integers, op, real, sample, unary

INF, NAN = float("inf"), float("nan")
PAIRS = [(1.0, 1.0), (NAN, NAN), (INF, -INF), (0.0, -0.0)]
SIZES = error("RuntimeError", "must match the size of tensor b", real(2, 3), real(2))


def comparing(name: str):  # type: ignore[no-untyped-def]
    return binary(name, special=PAIRS, differentiable=False, errors=[SIZES])


def logical(name: str):  # type: ignore[no-untyped-def]
    samples = sample(boolean(2, 3), boolean(3)), sample(real(3), integers(3, below=2)), sample(boolean(), boolean(0))
    return op(name, *samples, differentiable=False, errors=[SIZES])


def bitwise(name: str):  # type: ignore[no-untyped-def]
    samples = sample(boolean(2, 3), boolean(3)), sample(integers(3, below=9), integers(3, below=9))
    wrong = error("RuntimeError", "must match the size of tensor b", boolean(2), boolean(3))
    return op(name, *samples, differentiable=False, errors=[wrong])


OPS = (
    *map(comparing, ("eq", "ne", "lt", "le", "gt", "ge")),
    *map(logical, ("logical_and", "logical_or", "logical_xor")),
    *map(bitwise, ("bitwise_and", "bitwise_or", "bitwise_xor")),
    *(unary(name, differentiable=False) for name in ("isnan", "isinf", "isfinite", "signbit", "logical_not")),
    op("bitwise_not", sample(boolean(3)), sample(integers(3, below=9)), differentiable=False),
    op(
        "isclose",
        sample(real(3), real(3), rtol=0.5),
        sample(real(3), real(3), atol=2.0, equal_nan=True),
        differentiable=False,
        errors=[error("RuntimeError", "rtol must be greater than or equal to zero", real(3), real(3), rtol=-1.0)],
    ),
)
