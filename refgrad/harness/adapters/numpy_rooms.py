"""NumPy's rooms, ``linalg`` and ``fft``, under PyTorch's names and keywords."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["fft_ops", "linalg_ops"]

Op = Callable[..., Any]
PLAIN = "det eig eigvals inv multi_dot slogdet svdvals"
TRANSFORMS = "fft ifft rfft irfft hfft ihfft"


def linalg_ops(numpy: Any) -> dict[str, Op]:
    """The ops of ``numpy.linalg``, those that are there."""
    linalg = getattr(numpy, "linalg", None)
    ops = {f"linalg.{name}": _tensors(getattr(linalg, name)) for name in PLAIN.split() if hasattr(linalg, name)}
    return ops | {name: make(numpy) for name, (needs, make) in LINALG.items() if hasattr(linalg, needs)}


def fft_ops(numpy: Any) -> dict[str, Op]:
    """The ops of ``numpy.fft``, those that are there."""
    fft = getattr(numpy, "fft", None)
    makers: Mapping[str, Callable[[Op], Op]] = {
        **dict.fromkeys(TRANSFORMS.split(), _transform),
        **{f"{name}2": _planar for name in TRANSFORMS.split()},
        **{f"{name}n": _many for name in TRANSFORMS.split()},
        "fftshift": _shift,
        "ifftshift": _shift,
    }
    return {f"fft.{name}": make(getattr(fft, name)) for name, make in makers.items() if hasattr(fft, name)}


def _tensors(function: Op) -> Op:
    return lambda *tensors: function(*tensors)


def _given(**parameters: Any) -> dict[str, Any]:
    """The parameters that say something: a library's own defaults are left to it."""
    return {name: value for name, value in parameters.items() if value not in (None, False)}


def _transform(function: Op) -> Op:
    return lambda input, n=None, dim=-1, norm=None: function(input, n=n, axis=dim, **_given(norm=norm))


def _planar(function: Op) -> Op:
    return lambda input, s=None, dim=(-2, -1), norm=None: function(input, s=s, axes=dim, **_given(norm=norm))


def _many(function: Op) -> Op:
    def many(input: Any, s: Any = None, dim: Any = None, norm: str | None = None) -> Any:
        last = None if s is None else tuple(range(-len(s), 0))
        return function(input, s=s, axes=last if dim is None else dim, **_given(norm=norm))

    return many


def _shift(function: Op) -> Op:
    return lambda input, dim=None: function(input, axes=dim)


def _norm(numpy: Any) -> Op:
    """A norm of vectors: of all elements, as long as no ``dim`` is given."""

    def norm(input: Any, p: Any = 2, dim: Any = None, keepdim: bool = False) -> Any:
        keep = _given(keepdims=keepdim)
        if dim is None and p in (2, "fro", None):
            return numpy.linalg.norm(input, **keep)
        if dim is None and not keepdim:
            return numpy.linalg.norm(numpy.reshape(input, (-1,)), p)
        return numpy.linalg.norm(input, p, axis=dim, **keep)

    return norm


def _solve(numpy: Any) -> Op:
    def solve(A: Any, B: Any) -> Any:
        # PyTorch takes B of the batch's shape for vectors, NumPy for matrices
        vectors = len(B.shape) == 1 or tuple(B.shape) == tuple(A.shape[:-1])
        return numpy.linalg.solve(A, B[..., None])[..., 0] if vectors else numpy.linalg.solve(A, B)

    return solve


LINALG: dict[str, tuple[str, Callable[[Any], Op]]] = {  # op -> (what linalg must have, how it is made of NumPy)
    "linalg.cholesky": ("cholesky", lambda np: lambda A: np.linalg.cholesky(A)),
    "linalg.cond": ("cond", lambda np: lambda A, p=None: np.linalg.cond(A, p)),
    "linalg.cross": ("cross", lambda np: lambda input, other, dim=-1: np.linalg.cross(input, other, axis=dim)),
    "linalg.eigh": ("eigh", lambda np: lambda A, UPLO="L": np.linalg.eigh(A, UPLO)),
    "linalg.eigvalsh": ("eigvalsh", lambda np: lambda A, UPLO="L": np.linalg.eigvalsh(A, UPLO)),
    "linalg.lstsq": ("lstsq", lambda np: lambda A, B: tuple(np.linalg.lstsq(A, B))),
    "linalg.matrix_norm": (
        "norm",
        lambda np: (
            lambda A, ord="fro", dim=(-2, -1), keepdim=False: np.linalg.norm(
                A, ord, tuple(dim), **_given(keepdims=keepdim)
            )
        ),
    ),
    "linalg.matrix_power": ("matrix_power", lambda np: lambda A, n: np.linalg.matrix_power(A, n)),
    "linalg.norm": (
        "norm",
        lambda np: lambda A, ord=None, dim=None, keepdim=False: np.linalg.norm(A, ord, dim, **_given(keepdims=keepdim)),
    ),
    "linalg.pinv": ("pinv", lambda np: lambda A: np.linalg.pinv(A)),
    "linalg.qr": ("qr", lambda np: lambda A, mode="reduced": np.linalg.qr(A, mode)),
    "linalg.solve": ("solve", _solve),
    "linalg.svd": (
        "svd",
        lambda np: lambda A, full_matrices=True: tuple(np.linalg.svd(A, full_matrices=full_matrices)),
    ),
    "linalg.tensorinv": ("tensorinv", lambda np: lambda A, ind=2: np.linalg.tensorinv(A, ind)),
    "linalg.tensorsolve": ("tensorsolve", lambda np: lambda A, B: np.linalg.tensorsolve(A, B)),
    "linalg.vecdot": ("vecdot", lambda np: lambda x, y, dim=-1: np.linalg.vecdot(x, y, axis=dim)),
    "linalg.vector_norm": (
        "vector_norm",
        lambda np: (
            lambda x, ord=2, dim=None, keepdim=False: np.linalg.vector_norm(x, axis=dim, keepdims=keepdim, ord=ord)
        ),
    ),
    "norm": ("norm", _norm),
}
