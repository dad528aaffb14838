"""The named tuples of ops with several results, as ``torch.return_types`` prints them."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

__all__ = [
    "aminmax", "cummax", "cummin", "frexp", "histogram", "kthvalue", "max", "median", "min", "mode",
    "nanmedian", "sort", "topk",
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
