"""A tensor's storage resized, replaced and laid out: side by side with PyTorch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.ops.parity import Array
from tests.engine.ops.rows import Row, as_in_pytorch, f, floats, in_place, m, whole

torch = pytest.importorskip("torch")
X, BOX, NUMBER = floats(2, 3), floats(2, 3, 4, 5), floats()
PLAIN, TURNED = Array(X.values, requires_grad=False), Array(X.values, layout="transposed", requires_grad=False)
STRIDED = floats(2, 3, layout="transposed")


def versions(call: Any) -> Any:
    """The result and how often it was written to."""

    def run(xp: Any, x: Any) -> Any:
        y = call(xp, x)
        return y, y._version

    return run


def formatted(name: str, format: str, *args: Any) -> Any:
    """A method with a memory format of its library."""
    return lambda xp, x: getattr(x, name)(*args, memory_format=getattr(xp, format))


ROWS: dict[str, Row] = {
    "resize_": (versions(in_place("resize_", 3, 2)), PLAIN), "resize_ smaller": (versions(in_place("resize_", (2, 2))), PLAIN), "resize_ turned": (m("resize_", 2, 2), TURNED), "resize_ to 0-d": (in_place("resize_", ()), PLAIN),
    "resize_ larger": (lambda xp, x: x.clone().resize_(4, 2)[:3], PLAIN), "resize_ leaf": (m("resize_", 2, 2), X), "resize_ result": (lambda xp, x: (x * 1).resize_(2, 2), X), "resize_ a view": (lambda xp, x: x.clone()[1:].resize_(2), PLAIN),
    "resize_as_": (lambda xp, x: x.clone().resize_as_(xp.ones(3)), PLAIN), "resize_as_ leaf": (lambda xp, x: x.resize_as_(xp.ones(3)), X), "set_": (versions(lambda xp, x: x.clone().set_(xp.ones(3, dtype=xp.float64))), PLAIN), "set_ none": (versions(lambda xp, x: x.clone().set_()), PLAIN),
    "set_ leaf": (lambda xp, x: x.set_(xp.ones(3, dtype=xp.float64)), X), "set_ type": (lambda xp, x: x.clone().set_(xp.ones(3)), PLAIN), "set_ result": (lambda xp, x: (x * 1).set_(xp.ones(3, dtype=xp.float64)), X), "set_ shares": (lambda xp, x: (xp.ones(3, dtype=xp.float64).set_(x), x.add_(1))[0], Array([1.0, 2.0], requires_grad=False)),
    "fill_diagonal_": (in_place("fill_diagonal_", 7), X), "fill_diagonal_ wrapped": (in_place("fill_diagonal_", 7, wrap=True), floats(7, 2)), "fill_diagonal_ tall": (in_place("fill_diagonal_", 7), floats(7, 2)), "fill_diagonal_ leaf": (m("fill_diagonal_", 7), X), "fill_diagonal_ box": (in_place("fill_diagonal_", 7), floats(3, 3, 3)),
    "fill_diagonal_ uneven": (in_place("fill_diagonal_", 7), floats(2, 3, 4)), "fill_diagonal_ vector": (in_place("fill_diagonal_", 7), floats(3)), "fill_diagonal_ turned": (lambda xp, x: x.clone().fill_diagonal_(7), STRIDED),
    **{f"{name} {format}": (formatted(name, format), x) for name in ("clone", "contiguous") for format, x in (("contiguous_format", STRIDED), ("channels_last", BOX), ("channels_last", X), ("contiguous_format", X))}, "clone preserved": (formatted("clone", "preserve_format"), STRIDED),
    "is_contiguous": (formatted("is_contiguous", "channels_last"), BOX), "to contiguous": (lambda xp, x: x.to(xp.float32, memory_format=xp.contiguous_format), STRIDED), "to preserved": (lambda xp, x: x.to(xp.float32, memory_format=xp.preserve_format), STRIDED), "to channels": (lambda xp, x: x.to(memory_format=xp.channels_last), BOX),
    "to copied": (lambda xp, x: x.to(xp.float64, False, True), X), "to itself": (lambda xp, x: x.to("cpu", xp.float64), X), "double": (formatted("double", "contiguous_format"), Array(X.values, "float32", "transposed")), "int": (formatted("int", "contiguous_format"), STRIDED), "char": (m("char"), X), "cfloat": (m("cfloat"), X), "cdouble": (m("cdouble"), X),
    "new_zeros": (m("new_zeros", 2, 3, device="cpu"), X), "new_full": (m("new_full", (2,), 7, device="cpu"), X), "new_ones": (m("new_ones", (2,)), whole([1])), "new_empty_strided": (lambda xp, x: x.new_empty_strided((2, 3), (1, 2)).zero_(), X),
    "empty_strided": (lambda xp: xp.empty_strided((2, 3), (1, 2)).zero_(),), "empty_strided uneven": (lambda xp: xp.empty_strided((2,), (1, 2)),), "empty_strided negative": (lambda xp: xp.empty_strided((2,), (-1,)),), "empty_permuted": (lambda xp: xp.empty_permuted((2, 3), (1, 0)).zero_(),), "empty_permuted twice": (lambda xp: xp.empty_permuted((2, 3), (0, 0)),), "empty_permuted few": (lambda xp: xp.empty_permuted((2, 3), (0,)),),
    **{f"{name} {args}": (f(name, *args),) for name in ("tril_indices", "triu_indices") for args in ((2, 3), (3, 2, 1), (3, 3, -1), (0, 2), (-1, 3))}, "tril_indices int32": (lambda xp: xp.tril_indices(2, 3, dtype=xp.int32),), "triu_indices float": (lambda xp: xp.triu_indices(2, 3, dtype=xp.float32),),
    **{f"logspace {args}": (f("logspace", *args),) for args in ((0, 3, 5), (1, 5, 7, 2.0), (0, 1, 1), (0, 1, 0), (0, 1, -1), (-2, 2, 9, 0.5))}, "logspace integers": (lambda xp: xp.logspace(0, 3, 5, dtype=xp.int64),), "logspace double": (lambda xp: xp.logspace(0, 3, 6, dtype=xp.float64),), "scalar_tensor": (lambda xp: xp.scalar_tensor(2, device="cpu"),),
    "formats": (lambda xp: [repr(getattr(xp, name)) for name in ("contiguous_format", "preserve_format", "channels_last", "channels_last_3d")],),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_as_in_pytorch(name: str) -> None:
    """Values, strides, versions, the graph and errors are PyTorch's."""
    as_in_pytorch(torch, ROWS[name])
