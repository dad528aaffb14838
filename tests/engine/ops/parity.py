"""Run one call on refgrad and on PyTorch, and say where the two differ."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# relative distance allowed where neither side is exact, by the type that holds the value
RTOL = {"float16": 4e-3, "bfloat16": 3.2e-2, "float32": 2e-5, "complex64": 4e-5, "float64": 1e-10, "complex128": 1e-10}


@dataclass(frozen=True, slots=True)
class Array:
    """An input: values, a type by name, and an order of its dimensions in memory."""

    values: Any
    dtype: str = "float64"
    layout: str = "contiguous"
    requires_grad: bool = True

    def make(self, xp: Any) -> Any:
        """The input as a leaf of ``xp``; of a layout that is not contiguous, still a leaf."""
        array = np.asarray(self.values)
        if array.dtype.kind == "c" and self.dtype in ("float16", "bfloat16", "float32", "float64"):
            array = array.real
        name = "float32" if self.dtype == "bfloat16" else self.dtype
        with np.errstate(all="ignore"):
            array = LAYOUTS[self.layout](array.astype(name))
        tensor = xp.from_numpy(array)
        if self.dtype == "bfloat16":
            tensor = tensor.to(xp.bfloat16)
        differentiable = self.dtype not in ("bool", "uint8", "int8", "int16", "int32", "int64")
        return tensor.requires_grad_() if differentiable and self.requires_grad else tensor


def _strided(array: Any) -> Any:
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), array.dtype) if array.ndim else array
    window = wide[..., ::2] if array.ndim else wide
    window[...] = array
    return window


LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "contiguous": lambda a: np.array(a, order="C"),
    "transposed": lambda a: np.array(a, order="F"),
    "strided": lambda a: _strided(np.array(a)),
}


@dataclass(frozen=True, slots=True)
class Case:
    """A call: ``call(xp, *tensors)``, and its inputs."""

    id: str
    call: Callable[..., Any]
    inputs: tuple[Any, ...]
    orders: int = 2


def numpy_of(tensor: Any) -> Any:
    """A tensor's values, whichever library it is of."""
    tensor = tensor.detach()
    if str(tensor.dtype) == "torch.bfloat16":
        tensor = tensor.float()
    return np.array(tensor.numpy(force=True))


def observe(xp: Any, case: Case) -> dict[str, Any]:
    """All that can be seen of one call: values, types, strides, the graph, gradients, or the error."""
    facts: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", RuntimeWarning)
        try:
            _observe(xp, case, facts)
        except Exception as error:  # whatever it is, it is what is compared
            facts["error"] = (type(error).__name__, str(error).split("\n")[0])
    return facts


def _observe(xp: Any, case: Case, facts: dict[str, Any]) -> None:
    facts["rtol"] = max((RTOL.get(x.dtype, 0.0) for x in case.inputs if isinstance(x, Array)), default=0.0)
    leaves = [x.make(xp) if isinstance(x, Array) else x for x in case.inputs]
    tensors = [x for x in leaves if isinstance(x, xp.Tensor)]
    before = [numpy_of(x) for x in tensors]
    outcome = case.call(xp, *leaves)
    facts["kind"] = type(outcome).__name__ if not isinstance(outcome, xp.Tensor) else "Tensor"
    outputs = list(outcome) if isinstance(outcome, (tuple, list)) else [outcome]
    for i, y in enumerate(outputs):
        if not isinstance(y, xp.Tensor):
            facts[f"out{i}"] = y
            continue
        facts |= {f"out{i}.{name}": fact for name, fact in _describe(y, tensors).items()}
    facts["inputs kept"] = [
        bool(np.array_equal(b, numpy_of(x), equal_nan=b.dtype.kind in "fc")) for b, x in zip(before, tensors)
    ]
    wanted = [x for x in tensors if x.requires_grad]
    facts["rtol"] = max(
        [
            facts["rtol"],
            *(RTOL.get(str(y.dtype).removeprefix("torch."), 0) for y in outputs if isinstance(y, xp.Tensor)),
        ]
    )
    differentiable = [y for y in outputs if isinstance(y, xp.Tensor) and y.requires_grad]
    if wanted and differentiable and case.orders:
        _differentiate(xp, case, wanted, differentiable, facts)


def _describe(y: Any, leaves: Sequence[Any]) -> dict[str, Any]:
    node = y.grad_fn
    edges = () if node is None else node.next_functions
    return {
        "value": numpy_of(y),
        "dtype": str(y.dtype),
        "shape": tuple(y.shape),
        "stride": tuple(s for s, n in zip(y.stride(), y.shape) if n > 1) if y.numel() else (),
        "view": y._is_view(),
        "itself": any(y is x for x in leaves),
        "aliases": any(y.data_ptr() == x.data_ptr() and y.numel() > 0 for x in leaves),
        "requires_grad": y.requires_grad,
        "grad_fn": None if node is None else node.name().split("::")[-1],
        "edges": tuple(None if e[0] is None else e[0].name().split("::")[-1] for e in edges),
    }


def cotangent(xp: Any, y: Any, seed: int) -> Any:
    """A random, non-constant gradient for ``y``."""
    rng = np.random.default_rng(seed)
    values = rng.uniform(0.5, 1.5, tuple(y.shape)) * rng.choice([-1, 1], tuple(y.shape))
    if y.is_complex():
        values = values + 1j * rng.uniform(0.5, 1.5, tuple(y.shape))
    return xp.from_numpy(np.asarray(values)).to(y.dtype)


def _differentiate(xp: Any, case: Case, wanted: list[Any], outputs: list[Any], facts: dict[str, Any]) -> None:
    cotangents = [cotangent(xp, y, i).requires_grad_() for i, y in enumerate(outputs)]
    first = xp.autograd.grad(outputs, wanted, cotangents, retain_graph=True, allow_unused=True)
    for i, g in enumerate(first):
        facts |= _gradient(f"grad{i}", g)
    if case.orders < 2:
        return
    recorded = xp.autograd.grad(outputs, wanted, cotangents, create_graph=True, allow_unused=True)
    for i, (g, h) in enumerate(zip(first, recorded)):
        if g is not None:
            facts[f"recorded{i}.agrees"] = bool(np.allclose(numpy_of(g), numpy_of(h), rtol=1e-2, equal_nan=True))
            facts[f"recorded{i}.requires_grad"] = h.requires_grad
    again = [g for g in recorded if g is not None and g.requires_grad]
    if not again:
        return
    ways = [cotangent(xp, g, 10 + i) for i, g in enumerate(again)]
    second = xp.autograd.grad(again, [*wanted, *cotangents], ways, allow_unused=True)
    for i, g in enumerate(second):
        facts |= _gradient(f"second{i}", g)


def _gradient(name: str, grad: Any) -> dict[str, Any]:
    if grad is None:
        return {f"{name}.value": None}
    return {f"{name}.value": numpy_of(grad), f"{name}.dtype": str(grad.dtype), f"{name}.shape": tuple(grad.shape)}


def differences(mine: dict[str, Any], theirs: dict[str, Any]) -> list[str]:
    """Every fact that differs, a line each; as exact as the least exact type that takes part."""
    if "error" in mine or "error" in theirs:
        a, b = mine.get("error"), theirs.get("error")
        return [] if a == b else [f"error: {a} instead of {b}"]
    return [
        f"{name}: {_told(mine.get(name), theirs.get(name))}"
        for name in {**theirs, **mine}
        if not _same(name, mine.get(name), theirs.get(name), theirs)
    ]


def _told(mine: Any, theirs: Any) -> str:
    if isinstance(mine, np.ndarray) and isinstance(theirs, np.ndarray) and mine.shape == theirs.shape:
        return "".join(f"{at} {m} instead of {t}; " for at, m, t in _worst(mine, theirs))
    return f"{mine!r} instead of {theirs!r}".replace("\n", "")


def _worst(mine: Any, theirs: Any) -> list[tuple[Any, Any, Any]]:
    """The first places, at most four, where two arrays differ visibly."""
    places = [at for at in np.ndindex(mine.shape) if not close(mine[at], theirs[at], 1e-10, 1e-12)]
    return [(at, mine[at], theirs[at]) for at in (places or list(np.ndindex(mine.shape)))[:4]]


def _same(name: str, mine: Any, theirs: Any, facts: dict[str, Any]) -> bool:
    if mine is None or theirs is None:
        return mine is theirs
    if not name.endswith(".value"):
        return bool(mine == theirs)
    if mine.shape != theirs.shape or mine.dtype != theirs.dtype:
        return False
    rtol = facts["rtol"]
    return close(mine, theirs, rtol, 0.0 if name.startswith("out") else rtol)


def close(mine: Any, theirs: Any, rtol: float, atol: float) -> bool:
    """Whether two arrays agree; nan with nan, infinities by sign, real and imaginary parts together."""
    if theirs.dtype.kind not in "fc":
        return bool(np.array_equal(mine, theirs))
    with np.errstate(all="ignore"):
        if mine.dtype.kind == "c":
            scale = np.abs(theirs)
            return all(_near(m, t, rtol, atol, scale) for m, t in ((mine.real, theirs.real), (mine.imag, theirs.imag)))
        return _near(mine, theirs, rtol, atol, np.abs(theirs))


def _near(mine: Any, theirs: Any, rtol: float, atol: float, scale: Any) -> bool:
    finite = np.isfinite(theirs) & np.isfinite(mine)
    same = (mine == theirs) | (np.isnan(mine) & np.isnan(theirs))
    tiny = float(np.finfo(mine.dtype).tiny)
    distance = np.abs(mine.astype(np.float64) - theirs.astype(np.float64))
    bound = np.where(np.isfinite(scale), rtol * scale, 0) + atol + tiny
    return bool(np.all(np.where(finite, distance <= bound, same)))


def check(xp: Any, torch: Any, case: Case) -> None:
    """Fail with every difference between ``xp`` and ``torch`` on a case."""
    found = differences(observe(xp, case), observe(torch, case))
    assert not found, f"{case.id}:\n  " + "\n  ".join(found)


def check_all(xp: Any, torch: Any, cases: Iterable[Case]) -> None:
    """Fail with every difference between ``xp`` and ``torch`` on several cases."""
    found = {case.id: differences(observe(xp, case), observe(torch, case)) for case in cases}
    lines = [f"{name}:\n  " + "\n  ".join(told) for name, told in found.items() if told]
    assert found
    assert not lines, "\n".join(lines)
