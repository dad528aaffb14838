"""The dot-product identity for every primitive: forward and reverse mode are one linear map, read two ways."""

import importlib
import pkgutil

import numpy as np
import pytest

import refgrad
from refgrad.engine import ops
from refgrad.engine.graph import wrap
from refgrad.engine.primitive import PRIMITIVES, record
from refgrad.engine.views import record_view

fw = refgrad.autograd.forward_ad
for chapter in pkgutil.iter_modules(ops.__path__):  # some are loaded when they are first asked for
    importlib.import_module(f"{ops.__name__}.{chapter.name}")


def grid(*shape, seed=0):
    """Distinct numbers from 0.1 to 0.9, in no order: inside every op's domain, and away from the kinks."""
    return np.random.default_rng(seed).permutation(np.linspace(0.1, 0.9, int(np.prod(shape)))).reshape(shape)


X, Y, Z = (grid(2, 3, seed=seed) for seed in range(3))
LABELS = np.array([2, 0])
PLACES = np.array([[0, 1, 1], [1, 0, 0]])
MASK = np.array([[True, False, True], [False, True, False]])

# what an input or a parameter of this name is, where a sample of the op says nothing else
INPUTS = {"index": PLACES, "indices": LABELS, "mask": MASK, "condition": MASK}
PARAMS = {
    "dim": 1, "keepdim": False, "dtype": None, "reduction": 1, "alpha": 2, "value": 3.0, "scale": 1.5, "input_scale": 1.0,
    "negative_slope": 0.1, "min_val": 0.3, "max_val": 0.6, "min": 0.3, "max": 0.6, "other": 0.7, "exponent": 2.5, "base": 1.7,
    "beta": 0.3, "threshold": 0.4, "delta": 0.3, "weight": 0.3, "correction": 1, "ord": 3, "k": 2, "descending": True,
    "stable": True, "largest": True, "size": (3, 2), "stride": (1, 3), "storage_offset": 0, "shape": (2, 3), "split_size": 2,
    "split_sizes": (1, 2), "dims": (0, 1), "dim0": 0, "dim1": 1, "dim2": 0, "offset": 0, "shifts": (1, 1), "repeats": (2, 1),
    "diagonal": 0, "start": 0, "end": 3, "step": 2, "index": 1, "accumulate": True, "rounding_mode": "floor", "decimals": 1,
    "nan": 0.0, "posinf": None, "neginf": None, "eps": 1e-5, "normalized_shape": (3,), "approximate": "tanh",
    "ignore_index": -100, "padding_idx": -1, "scale_grad_by_freq": False, "num_weights": 4,
    "key": (slice(None), 1),
}  # fmt: skip
# by name: the inputs and the parameters by which an op differs from the above
SAMPLES = {
    "_binary_cross_entropy": {"weight": None},
    "_embedding": {"weight": X, "indices": np.array([1, 0, 1])},
    "_fill_tensor": {"value": np.array(0.7)},
    "_fill_tensor_": {"value": np.array(0.7)},
    "_glu": {"dim": 0},
    "_index_add": {"index": np.array([1, 0, 1])},
    "_masked_fill_tensor": {"value": np.array(0.7)},
    "_to_floats": {"dtype": np.dtype(np.float64)},
    "_index_put": {"indices": (np.array([0, 1]), np.array([2, 0])), "values": grid(2, seed=3)},
    "_index_select": {"index": np.array([2, 0, 2])},
    "_lay_out": {"grad": X},
    "_layer_norm": {"weight": Y[0], "bias": Y[1]},
    "_nll_loss": {"target": LABELS, "weight": None},
    "_nll_loss2d": {"input": grid(1, 3, 2, 1), "target": np.array([[[2], [0]]]), "weight": None},
    "_unpool2d": {"input": grid(1, 2, 2), "indices": np.array([[[0, 5], [7, 2]]]), "size": (3, 3)},
    "_unpool3d": {"input": grid(1, 1, 2, 2), "indices": np.array([[[[0, 5], [7, 2]]]]), "size": (2, 2, 2)},
    "add_at": {"input": grid(1, 4), "indices": np.array([[0, 5, 5, 2]]), "size": (3, 3)},
    "_squeeze_dim": {"input": X[:, :1]},
    "_squeeze_dims": {"input": X[:, :1], "dim": (1,)},
    "_without_row": {"input": X[:1]},
    "acosh": {"input": X + 1},
    "addbmm": {"input": grid(2, 2), "batch1": X[None], "batch2": Y.T[None]},
    "addmv": {"input": grid(2), "mat": X, "vec": Y[0]},
    "addr": {"input": grid(2, 3), "vec1": X[:, 0], "vec2": Y[0]},
    "baddbmm": {"input": grid(1, 2, 2), "batch1": X[None], "batch2": Y.T[None]},
    "linalg_det": {"A": grid(2, 2)},
    "linalg_householder_product": {"input": grid(3, 2), "tau": grid(2, seed=1)},
    "linalg_matrix_exp": {"input": grid(2, 2)},
    "addmm": {"input": grid(2, 2), "mat1": X, "mat2": Y.T},
    "as_strided": {"input": X.copy()},
    "binary_cross_entropy_backward": {"grad_output": np.array(0.7), "weight": None},
    "bmm": {"input": X[None], "mat2": Y.T[None]},
    "dot": {"input": X[0], "tensor": Y[0]},
    "embedding_dense_backward": {"grad_output": X, "indices": np.array([1, 0])},
    "expand": {"input": X[:, :1], "size": (2, 4)},
    "flip": {"dims": (1,)},
    "huber_loss_backward": {"grad_output": np.array(0.7)},
    "index": {"indices": (np.array([0, 1]), np.array([2, 0]))},
    "log_softmax_backward_data": {"output": np.log(X)},
    "logsumexp": {"dim": (1,)},
    "mm": {"mat2": Y.T},
    "mse_loss_backward": {"grad_output": np.array(0.7)},
    "mv": {"vec": Y[0]},
    "nll_loss_backward": {"grad_output": np.array(0.7), "target": LABELS, "weight": None},
    "permute": {"dims": (1, 0)},
    "_polygamma": {"n": 1},
    "mvlgamma": {"input": X + 1, "p": 2},
    "renorm": {"p": 2.0, "maxnorm": 0.8},
    "dist": {"p": 2.0},
    "_constant_pad": {"pad": (1, 2)},
    "place": {"input": X[:, 0]},
    "place_diagonal": {"input": X[0, :2]},
    "smooth_l1_loss_backward": {"grad_output": np.array(0.7)},
    "softplus": {"beta": 1.0, "threshold": 20.0},
    "softplus_backward": {"beta": 1.0, "threshold": 20.0},
    "trace": {"input": X[:, :2]},
    "vdot": {"input": X[0], "other": Y[0]},
    "view_as_complex": {"input": X[:, :2]},
    "view_as_real": {"input": X + 1j * Y},
}
# the variadic input of an op; its others are indices
TENSORS = ("tensors",)
LEFT_OUT = {
    "as_strided_backward": "rules of as_strided: their frames are those of a storage",
    "_as_strided": "as above",
    "_lay_out": "as above",
    "_picked": "as above",
    **dict.fromkeys(
        (
            "_cdist_forward",
            "_hardsigmoid_backward",
            "_multilabel_backward",
            "_multilabel_margin_loss",
            "_multi_margin_backward",
            "cdist_backward",
        ),
        "PyTorch has no forward mode for it",
    ),
    "_floor_divide_number": "PyTorch has no derivative of it",
    "_geqrf": "as above",
    "_floor_divide_number_": "as above",
    "_floor_divide_swapped": "as above",
    "_floor_divide_tensor": "as above",
    "_floor_divide_tensor_": "as above",
    "_remainder_swapped": "as above",
    **dict.fromkeys(("heaviside", "_heaviside_", "_zeta_number", "_zeta_tensor", "igamma", "igammac"), "as above"),
    "_nll_loss2d": "checked through nll_loss",
    "hang": "a copy; what it hangs on is held to PyTorch in tests/engine/ops/test_joint.py",
}


def primitive(name):
    held = getattr(ops, name, None)  # before PRIMITIVES, where an op's in-place form may have taken its name
    return held.op if hasattr(held, "op") else getattr(PRIMITIVES[name], "op", PRIMITIVES[name])


def described(name):
    """Whether this file says what each of the op's parameters is."""
    return all(p in SAMPLES.get(name, {}) or p in PARAMS for p in primitive(name).params)


# chapters whose tangents are held to PyTorch's in tests/engine/ops, row by row
ELSEWHERE = {
    "complex_numbers", "counting", "diagonals", "draws", "floats", "masking", "positions", "quantiles", "scattering",
    "selection", "slicing", "striding", "view_copies", "windows",
}  # fmt: skip


# ops of other chapters that need matrices, or parameters, of a kind of their own; held to PyTorch's in the same place
BY_ROWS = """
    _fft_c2c _fft_c2r _fft_r2c _linalg_cholesky_ex _linalg_eig _linalg_eigh _linalg_inv_ex _linalg_lstsq _linalg_lu
    _linalg_lu_factor_ex _linalg_lu_solve _linalg_pinv _linalg_qr _linalg_slogdet _linalg_solve_ex _linalg_solve_triangular
    _linalg_svd _lu_unpack _triangular_solve cholesky cholesky_inverse cholesky_solve ormqr _backward resample _to_floats_as
    clone_as _affine_grid _affine_sum sample _attend _attend_backward _by_constants _batch_norm _group_norm _layer_norm _channel_shuffle _pixel_shuffle
    _pixel_unshuffle _ctc_loss _ctc_loss_backward _embedding_bag _fold _unfold _input _output _weight convolve
    convolve_transposed _multi_margin_loss _pdist _pdist_backward _rrelu _shrink_backward _softshrink hardshrink _trilinear chosen take
""".split()
DERIVED = sorted(
    name
    for name in PRIMITIVES
    if (primitive(name).vjps or primitive(name).jvps)
    and primitive(name).forward.__module__.rpartition(".")[2] not in ELSEWHERE
    and name not in LEFT_OUT
)
NAMES = [name for name in DERIVED if described(name)]


def test_all_are_described():
    """A primitive is checked here, or named among those that are checked elsewhere: none is passed over."""
    assert sorted(set(DERIVED) - set(NAMES)) == sorted(BY_ROWS)


def call(name):
    """The op on its sample's floating arrays, as a function of tensors, and those arrays."""
    op, sample = primitive(name), SAMPLES.get(name, {})
    given = [sample.get(x, INPUTS.get(x, (X, Y, Z, X)[i])) for i, x in enumerate(op.inputs)]
    if op.star in TENSORS:
        given += [X, Y]
    elif op.star:
        given += sample[op.star]
    params = {p: sample[p] if p in sample else PARAMS[p] for p in op.params}
    places = [i for i, x in enumerate(given) if isinstance(x, np.ndarray) and x.dtype.kind in "fc"]

    def run(*tensors):
        inputs = [wrap(np.array(x)) if isinstance(x, np.ndarray) else x for x in given]
        for i, tensor in zip(places, tensors):
            inputs[i] = tensor
        recorder = record_view if name in VIEWS else record
        result = recorder(op, tuple(inputs), tuple(params[p] for p in op.params))
        return [
            out
            for out in (result if isinstance(result, tuple) else (result,))
            if out.is_floating_point() or out.is_complex()
        ]

    return run, [given[i] for i in places]


VIEWS = {"alias", "unbind", "_split_even", "_split_sizes", "select", "slice", "t", "transpose", "permute", "view", "expand",
         "unsqueeze", "_squeeze_all", "_squeeze_dim", "_squeeze_dims", "diagonal", "as_strided", "_reshape_alias", "_make_dual",
         "_fw_primal", "view_as_real", "view_as_complex"}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_dot_product(name):
    """For every primitive, the tangent along v against w equals the gradient of w against v."""
    run, arrays = call(name)
    rng = np.random.default_rng(5)
    leaves = [wrap(np.array(a), requires_grad=True) for a in arrays]
    outputs = run(*leaves)
    cotangents = [random_like(out, rng) for out in outputs]
    grads = refgrad.autograd.grad(outputs, leaves, cotangents, allow_unused=True)
    directions = [random_like(leaf, rng) for leaf in leaves]
    with fw.dual_level():
        duals = [fw.make_dual(wrap(np.array(a)), t) for a, t in zip(arrays, directions)]
        tangents = [fw.unpack_dual(out).tangent for out in run(*duals)]
    forward = sum(inner(w, t) for w, t in zip(cotangents, tangents))
    reverse = sum(inner(g, v) for g, v in zip(grads, directions) if g is not None)
    np.testing.assert_allclose(forward, reverse, rtol=1e-10, atol=1e-12)


def random_like(tensor, rng):
    array = tensor._array
    noise = rng.normal(size=array.shape)
    return wrap(noise + 1j * rng.normal(size=array.shape) if array.dtype.kind == "c" else noise)


def inner(a, b):
    return 0.0 if b is None else float((np.conj(a._array) * b._array).real.sum())
