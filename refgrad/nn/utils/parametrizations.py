"""Parametrizations that PyTorch brings, as ``torch.nn.utils.parametrizations``."""

from __future__ import annotations

from enum import Enum, auto
from typing import Any

from refgrad.engine import ops
from refgrad.engine.creation import eye, zeros, zeros_like
from refgrad.engine.dtypes import finfo
from refgrad.engine.grad_mode import no_grad
from refgrad.engine.sampling import randn
from refgrad.engine.tensor import Tensor
from refgrad.nn import functional as F
from refgrad.nn.modules.conv import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from refgrad.nn.modules.module import Module
from refgrad.nn.utils.parametrize import register_parametrization

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


# orthogonal matrices --------------------------------------------------------------------------------------------------


class _OrthMaps(Enum):
    matrix_exp = auto()
    cayley = auto()
    householder = auto()


class _Orthogonal(Module):
    """A matrix with orthogonal columns, or rows where those are fewer, from any matrix of its shape.

    With a ``base``, the map is taken around it: what is learned starts at the identity.
    Source: Lezcano, "Trivializations for gradient-based optimization on manifolds" (2019).
    """

    base: Any

    def __init__(self, weight: Any, orthogonal_map: _OrthMaps, *, use_trivialization: bool = True) -> None:
        super().__init__()
        if weight.is_complex() and orthogonal_map == _OrthMaps.householder:
            raise ValueError("The householder parametrization does not support complex tensors.")
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Any) -> Any:
        wide = X.size(-2) < X.size(-1)
        X = X.mT if wide else X
        Q = _reflected(X) if self.orthogonal_map == _OrthMaps.householder else self._turned(X)
        Q = self.base @ Q if hasattr(self, "base") else Q
        return Q.mT if wide else Q

    def _turned(self, X: Any) -> Any:
        """The rotation that a skew-symmetric matrix generates, or that Cayley's map gives."""
        n, k = X.size(-2), X.size(-1)
        X = X.tril()
        if n != k:
            X = ops.cat([X, X.new_zeros(n, n - k).expand(*X.shape[:-2], -1, -1)], -1)
        A = X - X.mH
        if self.orthogonal_map == _OrthMaps.matrix_exp:
            Q = ops.matrix_exp(A)
        else:
            identity = eye(n, dtype=A.dtype)
            Q = ops.linalg_solve(ops.add(identity, A, alpha=-0.5), ops.add(identity, A, alpha=0.5))
        return Q[..., :k]

    def right_inverse(self, Q: Any) -> Any:
        """What gives ``Q``; with a base, ``Q`` becomes the base.

        Errors: ValueError for another shape; NotImplementedError for a map without a base that has no inverse here.
        """
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}."
            )
        with no_grad():
            return self._inverse(Q)

    def _inverse(self, given: Any) -> Any:
        wide = given.size(-2) < given.size(-1)
        Q = given.mT if wide else given
        if hasattr(self, "base"):
            self.base = _base(Q)
            start: Any = zeros_like(given)
            start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)
            return start
        if self.orthogonal_map != _OrthMaps.householder:
            raise NotImplementedError(
                "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                "use_trivialization=False."
            )
        A, tau = ops.geqrf(Q)
        A.diagonal(dim1=-2, dim2=-1).sign_()
        A.diagonal(dim1=-2, dim2=-1)[tau == 0.0] *= -1
        return A.mT if wide else A


def _reflected(X: Any) -> Any:
    """The product of the Householder reflections below the diagonal, with the signs that are on it."""
    A = X.tril(-1)
    tau = 2.0 / (1.0 + (A * A).sum(-2))
    return ops.linalg_householder_product(A, tau) * X.diagonal(dim1=-2, dim2=-1).int().unsqueeze(-2)


def _base(Q: Any) -> Any:
    """``Q`` made orthogonal, if it is not, and square."""
    n, k = Q.size(-2), Q.size(-1)
    if n == k:
        return Q.clone() if _is_orthogonal(Q) else _made_orthogonal(Q)
    return _made_orthogonal(ops.cat([Q, randn(*Q.shape[:-2], n, n - k, dtype=Q.dtype)], -1))


def _is_orthogonal(Q: Any) -> bool:
    identity = eye(Q.size(-1), dtype=Q.dtype)
    return bool((Q.mH @ Q).allclose(identity, atol=10.0 * Q.size(-2) * finfo(Q.dtype).eps))


def _made_orthogonal(A: Any) -> Any:
    X, tau = ops.geqrf(A)
    return ops.linalg_householder_product(X, tau) * X.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def orthogonal(
    module: Any, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Any:
    """Keep a matrix of ``module`` orthogonal.

    Errors: ValueError for a name that is no tensor, for a vector, and for an unknown map.
    """
    weight = _tensor(module, name)
    if weight.ndim < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.ndim} dimensions.")
    if orthogonal_map is None:
        square = weight.size(-2) == weight.size(-1)
        orthogonal_map = "matrix_exp" if square or weight.is_complex() else "householder"
    chosen = getattr(_OrthMaps, orthogonal_map, None)
    if chosen is None:
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    function = _Orthogonal(weight, chosen, use_trivialization=use_trivialization)
    return register_parametrization(module, name, function, unsafe=True)


def _tensor(module: Any, name: str) -> Any:
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


# norms ----------------------------------------------------------------------------------------------------------------


def norm_except_dim(v: Any, dim: int) -> Any:
    """The norms of the slices of ``v`` along ``dim``, in a shape that broadcasts; of all of ``v`` for -1."""
    if dim == -1:
        return v.norm()
    rows = v.transpose(0, dim)
    return rows.flatten(1).norm(2, 1).view(-1, *[1] * (v.ndim - 1)).transpose(0, dim)


class _WeightNorm(Module):
    """Lengths and directions, learned apart.

    Source: Salimans and Kingma, "Weight normalization" (2016), eq. 2.
    """

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Any, weight_v: Any) -> Any:
        return weight_v * (weight_g / norm_except_dim(weight_v, self.dim))

    def right_inverse(self, weight: Any) -> tuple[Any, Any]:
        """The lengths, and the weight itself."""
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Any, name: str = "weight", dim: int = 0) -> Any:
    """Learn lengths and directions of a weight apart; ``dim`` is the one along which lengths differ."""
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def as_now(state_dict: Any, prefix: str, *rest: Any) -> None:
        old = [f"{prefix}{name}_g", f"{prefix}{name}_v"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{name}.original{i}"] = state_dict.pop(key)

    module.register_load_state_dict_pre_hook(lambda module, *given: as_now(*given))
    return module


class _SpectralNorm(Module):
    """A weight divided by its largest singular value, which power iteration follows while training.

    Source: Miyato et al., "Spectral normalization for generative adversarial networks" (2018), algorithm 1.
    Errors: IndexError and ValueError for options out of range.
    """

    _u: Any
    _v: Any

    def __init__(self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        ndim = weight.ndim
        if dim >= ndim or dim < -ndim:
            raise IndexError(f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but got {dim})")
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.dim, self.eps = dim % ndim, eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight, self.dim)
            for name, size in zip(("_u", "_v"), matrix.shape):
                draw: Any = zeros(size, dtype=matrix.dtype)
                self.register_buffer(name, F.normalize(draw.normal_(0, 1), dim=0, eps=eps))
            self._iterate(matrix, 15)

    def _iterate(self, matrix: Any, steps: int) -> None:
        with no_grad():
            for _ in range(steps):
                self._u.copy_(F.normalize(ops.mv(matrix, self._v), dim=0, eps=self.eps))
                self._v.copy_(F.normalize(ops.mv(matrix.mH, self._u), dim=0, eps=self.eps))

    def forward(self, weight: Any) -> Any:
        if weight.ndim == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._iterate(matrix, self.n_power_iterations)
        u, v = self._u.clone(), self._v.clone()  # the next step writes into them
        return weight / ops.vdot(u, ops.mv(matrix, v))

    def right_inverse(self, value: Any) -> Any:
        """``value``, as if it were normalized already."""
        return value


def as_matrix(weight: Any, dim: int) -> Any:
    """A weight with the dimension ``dim`` as its rows."""
    return weight.movedim(dim, 0).flatten(1)


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Divide a weight by its largest singular value; ``dim`` has its rows."""
    weight = _tensor(module, name)
    rows = rows_of(module) if dim is None else dim
    return register_parametrization(module, name, _SpectralNorm(weight, n_power_iterations, rows, eps))


def rows_of(module: Any) -> int:
    """The dimension of the outputs in a module's weight."""
    return 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0
