"""Linear algebra, as ``torch.linalg``."""

from refgrad.engine.ops import linalg_cholesky as cholesky
from refgrad.engine.ops import linalg_cholesky_ex as cholesky_ex
from refgrad.engine.ops import linalg_cond as cond
from refgrad.engine.ops import linalg_cross as cross
from refgrad.engine.ops import linalg_det as det
from refgrad.engine.ops import linalg_diagonal as diagonal
from refgrad.engine.ops import linalg_eig as eig
from refgrad.engine.ops import linalg_eigh as eigh
from refgrad.engine.ops import linalg_eigvals as eigvals
from refgrad.engine.ops import linalg_eigvalsh as eigvalsh
from refgrad.engine.ops import linalg_householder_product as householder_product
from refgrad.engine.ops import linalg_inv as inv
from refgrad.engine.ops import linalg_inv_ex as inv_ex
from refgrad.engine.ops import linalg_lstsq as lstsq
from refgrad.engine.ops import linalg_lu as lu
from refgrad.engine.ops import linalg_lu_factor as lu_factor
from refgrad.engine.ops import linalg_lu_factor_ex as lu_factor_ex
from refgrad.engine.ops import linalg_lu_solve as lu_solve
from refgrad.engine.ops import linalg_matrix_exp as matrix_exp
from refgrad.engine.ops import linalg_matrix_norm as matrix_norm
from refgrad.engine.ops import linalg_matrix_power as matrix_power
from refgrad.engine.ops import linalg_matrix_rank as matrix_rank
from refgrad.engine.ops import linalg_multi_dot as multi_dot
from refgrad.engine.ops import linalg_norm as norm
from refgrad.engine.ops import linalg_pinv as pinv
from refgrad.engine.ops import linalg_qr as qr
from refgrad.engine.ops import linalg_slogdet as slogdet
from refgrad.engine.ops import linalg_solve as solve
from refgrad.engine.ops import linalg_solve_ex as solve_ex
from refgrad.engine.ops import linalg_solve_triangular as solve_triangular
from refgrad.engine.ops import linalg_svd as svd
from refgrad.engine.ops import linalg_svdvals as svdvals
from refgrad.engine.ops import linalg_tensorinv as tensorinv
from refgrad.engine.ops import linalg_tensorsolve as tensorsolve
from refgrad.engine.ops import linalg_vander as vander
from refgrad.engine.ops import linalg_vecdot as vecdot
from refgrad.engine.ops import linalg_vector_norm as vector_norm
from refgrad.engine.ops.matrices import _LinAlgError as LinAlgError

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eig", "eigh", "eigvals", "eigvalsh", "householder_product", "inv", "inv_ex", "lstsq", "lu", "lu_factor", "lu_factor_ex", "lu_solve", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr", "slogdet", "solve", "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot", "vector_norm",
]  # fmt: skip
