"""The named tuples of ops with several results, as ``torch.return_types`` prints them."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

__all__ = [
    "aminmax", "cummax", "cummin", "frexp", "geqrf", "histogram", "kthvalue", "linalg_cholesky_ex", "linalg_eig",
    "linalg_eigh", "linalg_inv_ex", "linalg_lstsq", "linalg_lu", "linalg_lu_factor", "linalg_lu_factor_ex",
    "linalg_qr", "linalg_slogdet", "linalg_solve_ex", "linalg_svd", "lu_unpack", "max", "median", "min", "mode",
    "nanmedian", "qr", "slogdet", "sort", "svd", "topk", "triangular_solve",
]  # fmt: skip


class _Printed:
    __slots__ = ()
    _fields: tuple[str, ...]

    def __repr__(self) -> str:
        fields = zip(self._fields, self)  # type: ignore[call-overload]
        return (
            f"torch.return_types.{type(self).__name__}(\n"
            + ",\n".join(f"{name}={value!r}" for name, value in fields)
            + ")"
        )


def _return_type(name: str, *fields: str) -> Any:
    return type(name, (_Printed, namedtuple(name, fields)), {"__slots__": (), "__module__": "torch.return_types"})


cummax, cummin, kthvalue, max, median, min, sort, topk = (
    _return_type(name, "values", "indices")
    for name in ("cummax", "cummin", "kthvalue", "max", "median", "min", "sort", "topk")
)
aminmax = _return_type("aminmax", "min", "max")
histogram = _return_type("histogram", "hist", "bin_edges")
frexp = _return_type("frexp", "mantissa", "exponent")
mode, nanmedian = (_return_type(name, "values", "indices") for name in ("mode", "nanmedian"))

linalg_cholesky_ex = _return_type("linalg_cholesky_ex", "L", "info")
linalg_eig = _return_type("linalg_eig", "eigenvalues", "eigenvectors")
linalg_eigh = _return_type("linalg_eigh", "eigenvalues", "eigenvectors")
linalg_inv_ex = _return_type("linalg_inv_ex", "inverse", "info")
linalg_lstsq = _return_type("linalg_lstsq", "solution", "residuals", "rank", "singular_values")
linalg_lu = _return_type("linalg_lu", "P", "L", "U")
linalg_lu_factor = _return_type("linalg_lu_factor", "LU", "pivots")
linalg_lu_factor_ex = _return_type("linalg_lu_factor_ex", "LU", "pivots", "info")
linalg_qr, qr = (_return_type(name, "Q", "R") for name in ("linalg_qr", "qr"))
linalg_slogdet, slogdet = (_return_type(name, "sign", "logabsdet") for name in ("linalg_slogdet", "slogdet"))
linalg_solve_ex = _return_type("linalg_solve_ex", "result", "info")
linalg_svd = _return_type("linalg_svd", "U", "S", "Vh")
svd = _return_type("svd", "U", "S", "V")
lu_unpack = _return_type("lu_unpack", "P", "L", "U")
geqrf = _return_type("geqrf", "a", "tau")
triangular_solve = _return_type("triangular_solve", "solution", "cloned_coefficient")
_lu_with_info = _return_type("_lu_with_info", "LU", "pivots", "info")
