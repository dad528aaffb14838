"""PaddlePaddle's ops under PyTorch's names: most are called alike, and only their parameters otherwise."""

import inspect
import operator
from operator import attrgetter

import paddle
from paddle import compat, linalg
from paddle.nn import functional as F

from refgrad.harness import op_db
from refgrad.harness.adapters.facade import OPERATORS
from refgrad.harness.adapters.signatures import SIGNATURES
from refgrad.harness.backend import has_path

PARAMETERS = {
    "axis": "dim", "axes": "dim", "axis1": "dim1", "axis2": "dim2", "epsilon": "eps", "start_axis": "start_dim",
    "stop_axis": "end_dim",
}  # fmt: skip


def spelled(function, **parameters):
    """``function`` with PyTorch's names for its parameters: theirs, and those of every function."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # compiled
        return function
    ours = {name: (PARAMETERS | parameters).get(name, name) for name in signature.parameters}
    theirs = {name: each for each, name in ours.items()}

    def op(*args, **kwargs):
        return function(*args, **{theirs.get(name, name): value for name, value in kwargs.items()})

    op.__signature__ = signature.replace(
        parameters=[each.replace(name=ours[name]) for name, each in signature.parameters.items()]
    )
    return op


def called_alike():
    """The ops that go by PyTorch's name; operators are left to the tensors, for their functions take no numbers."""
    known = {op.name for op in op_db.ops()} | SIGNATURES.keys()
    return {name: spelled(attrgetter(name)(paddle)) for name in known - OPERATORS.keys() if has_path(paddle, name)}


def pool(function):
    def pool(input, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        return function(input, kernel_size, stride, padding, ceil_mode=ceil_mode, exclusive=not count_include_pad)

    return pool


def cross_entropy(input, target, weight=None, **parameters):
    soft, classes = paddle.is_floating_point(target), min(input.ndim - 1, 1)
    return F.cross_entropy(input, target, weight, soft_label=soft, axis=classes, **parameters)


def interpolate(input, size=None, scale_factor=None, mode="nearest", align_corners=False):
    layout = {3: "NCW", 4: "NCHW", 5: "NCDHW"}[input.ndim]
    size = [size] if isinstance(size, int) else size
    return F.interpolate(input, size, scale_factor, mode, align_corners, data_format=layout)


def norm(A, ord=None, dim=None, keepdim=False):  # paddle's own takes p of all elements also of a matrix
    of_matrix = ord is not None and dim is None and A.ndim == 2
    return linalg.matrix_norm(A, ord, keepdim=keepdim) if of_matrix else linalg.norm(A, ord, dim, keepdim)


def spread(function):
    def spread(input, dim=None, correction=1, keepdim=False, unbiased=True):
        return function(input, dim, bool(correction) and unbiased, keepdim)

    return spread


COMPATIBLE = """max median min nn.functional.linear nn.functional.pad nn.functional.scaled_dot_product_attention
 nn.functional.unfold sort split unique"""  # paddle has these twice, once as PyTorch has them
SPELLED_OTHERWISE = {
    **{name: attrgetter(name)(compat) for name in COMPATIBLE.split()},
    **{name: spelled(getattr(paddle, name), shape="size") for name in ("broadcast_to", "expand")},
    **{name: getattr(paddle, name) for name in ("i0e", "i1", "i1e")},
    **{f"nn.functional.avg_pool{n}d": pool(getattr(F, f"avg_pool{n}d")) for n in (1, 2, 3)},
    **{f"nn.functional.conv_transpose{n}d": getattr(F, f"conv{n}d_transpose") for n in (1, 2, 3)},
    **{
        f"nn.functional.{name}": spelled(getattr(F, name), label="target")
        for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits", "l1_loss", "mse_loss", "nll_loss")
    },
    "abs": paddle.abs,
    "as_strided": lambda input, size, stride, storage_offset=0: paddle.as_strided(
        input, size, stride, storage_offset * input.element_size()
    ),
    "block_diag": lambda *tensors: paddle.block_diag(tensors),
    "broadcast_tensors": lambda *tensors: paddle.broadcast_tensors(tensors),
    "cartesian_prod": lambda *tensors: paddle.cartesian_prod(tensors),
    "cholesky_solve": linalg.cholesky_solve,
    "corrcoef": linalg.corrcoef,
    "cov": lambda input, *, correction=1: linalg.cov(input, ddof=bool(correction)),
    "diag": spelled(paddle.diag, offset="diagonal"),
    "flip": spelled(paddle.flip, axis="dims"),
    "gather": lambda input, dim, index: paddle.take_along_axis(input, index, dim, broadcast=False),
    "index_add": lambda input, dim, index, source, *, alpha=1: paddle.index_add(input, index, dim, source, alpha),
    "index_fill": lambda input, dim, index, value: paddle.index_fill(input, index, dim, value),
    "linalg.cross": lambda input, other, dim=-1: paddle.cross(input, other, dim),
    "linalg.lu": lambda A: linalg.lu_unpack(*linalg.lu(A)),
    "linalg.lu_factor": linalg.lu,
    "linalg.matrix_norm": spelled(linalg.matrix_norm, p="ord"),
    "linalg.norm": norm,
    "linalg.slogdet": compat.slogdet,
    "linalg.solve_triangular": lambda A, B, *, upper, unitriangular=False: linalg.triangular_solve(
        A, B, upper, unitriangular=unitriangular
    ),
    "linalg.svd": lambda A, full_matrices=True: linalg.svd(A, full_matrices),
    "linalg.vander": lambda x, N=None: paddle.vander(x, N, increasing=True),
    "linalg.vector_norm": spelled(linalg.vector_norm, p="ord"),
    "log_softmax": spelled(F.log_softmax),
    "mT": lambda input: input.mT,
    "matrix_exp": linalg.matrix_exp,
    "movedim": paddle.moveaxis,
    "mvlgamma": paddle.multigammaln,
    "nn.functional.batch_norm": lambda input, running_mean, running_var, weight=None, bias=None, training=False, eps=1e-5: (
        F.batch_norm(input, running_mean, running_var, weight, bias, training, epsilon=eps)
    ),
    "nn.functional.bilinear": lambda input1, input2, weight, bias: F.bilinear(input1, input2, weight, bias[None]),
    "nn.functional.cross_entropy": cross_entropy,
    "nn.functional.ctc_loss": lambda log_probs, targets, *args, **kwargs: F.ctc_loss(
        log_probs, targets.astype("int32"), *args, **kwargs
    ),
    "nn.functional.group_norm": lambda input, num_groups, weight=None, bias=None, eps=1e-5: F.group_norm(
        input, num_groups, eps, weight, bias
    ),
    "nn.functional.huber_loss": lambda input, target, reduction="mean", delta=1.0: F.smooth_l1_loss(
        input, target, reduction, delta
    ),
    "nn.functional.interpolate": interpolate,
    "nn.functional.multilabel_soft_margin_loss": F.multi_label_soft_margin_loss,
    "nn.functional.smooth_l1_loss": lambda input, target, reduction="mean", beta=1.0: F.smooth_l1_loss(
        input, target, reduction, beta, is_huber=False
    ),
    "nn.functional.threshold": F.thresholded_relu,
    "pinverse": lambda input: linalg.pinv(input),
    "polygamma": lambda n, input: paddle.polygamma(input, n),
    "qr": lambda input: linalg.qr(input),
    "relu": F.relu,
    "repeat": paddle.Tensor.repeat,
    "roll": spelled(paddle.roll, axis="dims"),
    "scatter": lambda input, dim, index, src: paddle.put_along_axis(input, index, src, dim, broadcast=False),
    "slice_scatter": lambda input, src, dim=0, start=None, end=None, step=1: paddle.slice_scatter(
        input, src, [dim], [start or 0], [input.shape[dim] if end is None else end], [step]
    ),
    "split_with_sizes": paddle.Tensor.split_with_sizes,
    "std": spread(paddle.std),
    "take_along_dim": spelled(paddle.take_along_dim),
    "tensordot": spelled(paddle.tensordot, axes="dims"),
    "tile": spelled(paddle.tile, repeat_times="dims"),
    "to": lambda input, dtype: input.astype(dtype),
    "transpose": lambda input, dim0, dim1: paddle.transpose(input, dim0, dim1),
    "triangular_solve": lambda b, A, upper=True, transpose=False, unitriangular=False: (
        linalg.triangular_solve(A, b, upper, transpose, unitriangular), A
    ),
    "view": spelled(paddle.view, shape_or_dtype="shape"),
}  # fmt: skip
OPS = called_alike() | SPELLED_OTHERWISE


def of_tensors(method):
    """In place, an operand must be a tensor."""

    def op(tensor, other):
        return method(tensor, other if isinstance(other, paddle.Tensor) else paddle.to_tensor(other, tensor.dtype))

    return op


IN_PLACE = {name: getattr(paddle.Tensor, name) for name in dir(paddle.Tensor) if name.endswith("_")}
IN_PLACE |= {name: of_tensors(IN_PLACE[name]) for name in ("add_", "div_", "mul_", "sub_")}
IN_PLACE["__setitem__"] = operator.setitem

LACKING = (  # what it says to a dtype, a derivative or a shape that it was not made for
    "is not registered", "Type promotion only support", "have any grad op", "must be Tensor, but got", "must be tensor type",
    "data_type of input tensor in list isn't consistent", "dtype must be float32 or float64",
    "only supports Tensor with 1 element", "should be 3D tensor", "should be 4D tensor", "should be 5D tensor",
    "only support 4-D", "Expected 2 or more dimensions", "expected to be a 1-D", "should be (*, M, K)", "should be 3 or 2",
    "should be equal to the 'shape' of Input(Y)", "must have the same number of dimensions", "in the range of [-0, 0)",
    "must be evenly divisible", "max should be greater than or equal to min", "can not be viewed",
    "'begin_norm_axis' in Op(LayerNorm) should be greater than zero", "Cannot perform reduction along an axis",
    "cannot reshape tensor of 0 elements", "must be greater than 0 and less than or equal to", "k in the topk must >= 1",
    "pad_tensor's rank should be",
)  # fmt: skip
