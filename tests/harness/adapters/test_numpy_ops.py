"""The table of NumPy-spelled ops, on NumPy itself, against PyTorch."""

from pathlib import Path

import numpy as np
import pytest

from refgrad.errors import Unsupported
from refgrad.harness import op_db
from refgrad.harness.adapters import calculus
from refgrad.harness.adapters.numpy_ops import numpy_ops
from refgrad.harness.compare import compare
from refgrad.harness.goldens import newest
from refgrad.harness.questions import Asked

OPS = numpy_ops(np)
GOLDENS = newest(Path(__file__).parents[3] / "conformance" / "goldens")
X = np.array([[0.3, -1.2, 2.1], [1.7, -0.4, -2.5]])
Y = np.array([[1.1, 0.6, -1.4], [-2.2, 0.9, 3.0]])
P = np.array([[0.3, 0.2, 0.1], [0.7, 0.4, 0.5]])

UNARY = """abs acos asin asinh atan atanh ceil clone cos cosh exp exp2 expm1 floor isfinite isinf isnan log log10 log1p
 log2 logical_not mT neg positive ravel reciprocal round sign sin sinc sinh sqrt square t tan tanh trunc""".split()
BINARY = """add atan2 div eq floor_divide fmod ge gt hypot le logaddexp logaddexp2 logical_and logical_or logical_xor lt
 maximum minimum mul ne remainder sub""".split()
CALLS = {
    "acosh": ("acosh", [P + 1], {}),
    "all": ("all", [X > 0], {"dim": 1}),
    "amax": ("amax", [X], {"dim": (0, 1)}),
    "amin": ("amin", [X], {"dim": 1, "keepdim": True}),
    "any": ("any", [X > 2], {"dim": 0}),
    "argmax": ("argmax", [X], {"dim": 1}),
    "argmin": ("argmin", [X], {}),
    "bmm": ("bmm", [X[None], Y.T[None]], {}),
    "broadcast_to": ("broadcast_to", [X], {"size": (2, 2, 3)}),
    "cat": ("cat", [[X, Y]], {"dim": 1}),
    "clamp": ("clamp", [X], {"min": -1.0, "max": 1.0}),
    "clamp_below": ("clamp", [X], {"min": 0.0}),
    "cumprod": ("cumprod", [X], {"dim": 0}),
    "cumsum": ("cumsum", [X], {"dim": 1}),
    "diag": ("diag", [X[0]], {"diagonal": 1}),
    "diagonal": ("diagonal", [X], {"offset": 1}),
    "diff": ("diff", [X], {"dim": 0}),
    "dot": ("dot", [X[0], Y[0]], {}),
    "expand": ("expand", [X[:, :1]], {"size": (4, -1, 3)}),
    "flatten": ("flatten", [X[None]], {"start_dim": 1}),
    "flatten_scalar": ("flatten", [np.array(2.0)], {}),
    "flip": ("flip", [X], {"dims": (0,)}),
    "inner": ("inner", [X, Y], {}),
    "kron": ("kron", [X, Y], {}),
    "matmul": ("matmul", [X, Y.T], {}),
    "max": ("max", [X], {}),
    "max_dim": ("max", [X], {"dim": 1}),
    "mean": ("mean", [X], {"dim": -1, "keepdim": True}),
    "min_dim": ("min", [X], {"dim": 0, "keepdim": True}),
    "mm": ("mm", [X, Y.T], {}),
    "movedim": ("movedim", [X[None]], {"source": 0, "destination": 2}),
    "mv": ("mv", [X, Y[0]], {}),
    "outer": ("outer", [X[0], Y[0]], {}),
    "permute": ("permute", [X[None]], {"dims": (2, 0, 1)}),
    "pow": ("pow", [P, Y], {}),
    "prod": ("prod", [X], {"dim": 1}),
    "repeat": ("tile", [X], {"dims": (2, 1)}),
    "reshape": ("reshape", [X], {"shape": (3, -1)}),
    "roll": ("roll", [X], {"shifts": 1, "dims": 1}),
    "sort": ("sort", [X], {"dim": 1}),
    "split": ("split", [X], {"split_size_or_sections": 2, "dim": 1}),
    "split_even": ("split", [X], {"split_size_or_sections": 1, "dim": 1}),
    "split_sections": ("split", [X], {"split_size_or_sections": [1, 2], "dim": 1}),
    "squeeze": ("squeeze", [X[None]], {}),
    "squeeze_no_one": ("squeeze", [X], {"dim": 0}),
    "stack": ("stack", [[X, Y]], {"dim": 1}),
    "std": ("std", [X], {}),
    "sum": ("sum", [X], {"dim": [0, 1]}),
    "tensordot": ("tensordot", [X, Y], {"dims": 2}),
    "trace": ("trace", [X], {}),
    "transpose": ("transpose", [X[None]], {"dim0": 0, "dim1": 2}),
    "tril": ("tril", [X], {"diagonal": -1}),
    "triu": ("triu", [X], {}),
    "unsqueeze": ("unsqueeze", [X], {"dim": -1}),
    "var": ("var", [X], {"dim": 1, "correction": 0}),
    "vdot": ("vdot", [X[0], Y[0]], {}),
    "where": ("where", [X > 0, X, Y], {}),
    **{name: (name, [P], {}) for name in UNARY},
    **{name: (name, [X, Y], {}) for name in BINARY},
}


def arrays(result):
    return [np.asarray(each) for each in (result if isinstance(result, list | tuple) else [result])]


@pytest.mark.parametrize(("name", "tensors", "parameters"), CALLS.values(), ids=CALLS)
def test_same_as_torch(name, tensors, parameters):
    """An op called with PyTorch's keywords gives what PyTorch gives."""
    torch = pytest.importorskip("torch")
    convert = lambda each: list(map(convert, each)) if isinstance(each, list) else torch.tensor(each)  # noqa: E731
    function = getattr(torch, name, None) or getattr(torch.Tensor, name)
    function = function.__get__ if name == "mT" else function  # a property
    expected, actual = function(*map(convert, tensors), **parameters), OPS[name](*tensors, **parameters)
    for mine, theirs in zip(arrays(actual), arrays(expected), strict=True):
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=1e-13, atol=1e-15)


def test_view_is_reshape():
    """view takes a shape."""
    assert OPS["view"](X, shape=(6,)).shape == (6,)


def test_what_a_library_lacks_is_left_out():
    """Only what the library has is in the table."""

    class Small:
        exp, matmul = np.exp, np.matmul

    assert set(numpy_ops(Small)) == {"exp", "matmul", "bmm", "mm", "mv"}


def test_exceptions():
    """Exceptions add, replace and take away."""
    ops = numpy_ops(np, {"relu": abs, "exp": None, "sin": abs})
    assert (ops["relu"], ops["sin"]) == (abs, abs)
    assert "exp" not in ops


class Plain:
    """NumPy, which has the table's ops and no derivatives."""

    name, version, homepage = "numpy", np.__version__, ""
    asarray = to_numpy = staticmethod(np.array)

    def ops(self):
        return OPS

    def vjp(self, fn, primals, cotangent):
        raise Unsupported("vjp")


RECORDED = """angle argsort atleast_1d atleast_2d atleast_3d bucketize column_stack conj copysign corrcoef count_nonzero cov
 deg2rad diagflat dsplit dstack einsum fft.fft fft.fft2 fft.fftn fft.fftshift fft.hfft fft.ifft fft.ifft2 fft.ifftn
 fft.ifftshift fft.ihfft fft.irfft fft.irfft2 fft.irfftn fft.rfft fft.rfft2 fft.rfftn fliplr flipud float_power fmax fmin gather
 gcd heaviside hsplit hstack i0 imag index_select isclose isin isneginf isposinf isreal lcm linalg.cholesky linalg.cross
 linalg.det linalg.eigvalsh linalg.inv linalg.matrix_norm linalg.matrix_power linalg.multi_dot linalg.norm linalg.pinv
 linalg.slogdet linalg.solve linalg.svdvals linalg.tensorinv linalg.tensorsolve linalg.vecdot linalg.vector_norm nan_to_num
 nansum nn.functional.pad norm quantile nanquantile rad2deg real rot90 take take_along_dim tensor_split trapezoid unbind vsplit
 vstack""".split()


@pytest.mark.parametrize("op", [op for op in op_db.ops() if op.name in RECORDED], ids=lambda op: op.id)
def test_same_as_recorded(op):
    """On the suite's samples an op gives what PyTorch gave, where the table takes the arguments."""
    taken = 0
    for sample in op.samples:
        try:
            with np.errstate(all="ignore"):
                actual = Asked(calculus(Plain()), op, sample).value()
        except Unsupported:
            continue
        expected = GOLDENS.answers(op, sample)["value"]
        assert len(actual) == len(expected)
        for mine, theirs in zip(actual, expected, strict=True):
            assert compare(mine, theirs) is None, f"{sample}: {compare(mine, theirs)}"
        taken += 1
    assert taken
