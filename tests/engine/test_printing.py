"""Printing is PyTorch's to the letter: texts recorded from torch 2.13.0, and random tensors against a live torch."""

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from refgrad.engine.printing import get_printoptions, printoptions, set_printoptions, tensor_str

nan, inf = np.nan, np.inf

RECORDED = [
    (3.0, "float32", "tensor(3.)"),
    ([1.0, 2.0, 3.0], "float32", "tensor([1., 2., 3.])"),
    ([1.5, -2.0, 0.25], "float32", "tensor([ 1.5000, -2.0000,  0.2500])"),
    ([0.0, -0.0], "float32", "tensor([0., -0.])"),
    ([1.0, nan, -inf], "float32", "tensor([1., nan, -inf])"),
    ([0.5, nan, inf], "float64", "tensor([0.5000,    nan,    inf], dtype=torch.float64)"),
    ([1e-05, 1.0], "float32", "tensor([1.0000e-05, 1.0000e+00])"),
    ([1.0, 1000.0], "float32", "tensor([   1., 1000.])"),
    ([1.0, 1001.0], "float32", "tensor([1.0000e+00, 1.0010e+03])"),
    ([1e8, 1e6], "float32", "tensor([100000000.,   1000000.])"),
    ([1e-4], "float64", "tensor([0.0001], dtype=torch.float64)"),
    ([2e8, 3e8], "float64", "tensor([2.0000e+08, 3.0000e+08], dtype=torch.float64)"),
    ([1.5, 65504.0], "float16", "tensor([1.5000e+00, 6.5504e+04], dtype=torch.float16)"),
    ([1, -20, 300], "int64", "tensor([  1, -20, 300])"),
    ([1, 20], "uint8", "tensor([ 1, 20], dtype=torch.uint8)"),
    ([True, False], "bool", "tensor([ True, False])"),
    ([1 + 2j, -0.5 - 1j], "complex64", "tensor([ 1.0000+2.j, -0.5000-1.j])"),
    (complex(2, -0.0), "complex128", "tensor(2.-0.j, dtype=torch.complex128)"),
    ([], "float32", "tensor([])"),
    ([], "int64", "tensor([], dtype=torch.int64)"),
    ([[], []], "float64", "tensor([], size=(2, 0), dtype=torch.float64)"),
    (range(1001), "int64", "tensor([   0,    1,    2,  ...,  998,  999, 1000])"),
    (
        [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]],
        "float32",
        """tensor([[[ 0.,  1.,  2.],
         [ 3.,  4.,  5.]],

        [[ 6.,  7.,  8.],
         [ 9., 10., 11.]]])""",
    ),
    (
        range(30),
        "float32",
        """tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,
        14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27.,
        28., 29.])""",
    ),
]
WHOLE = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"]
DTYPES = ["bool", *WHOLE, "float16", "bfloat16", "float32", "float64", "complex64", "complex128"]
PLAIN = {"float32", "complex64", "int64", "bool"}
SPECIAL = [0.0, -0.0, 1.0, 0.1, 2.5, 1e-4, 9.9e-5, 1e3, 99999.5, 1e8, 1.1e8, 1e308, 5e-324, inf, nan]


def printed(array, **kwargs):
    name = array.dtype.name
    return tensor_str(array, **{"dtype_name": f"torch.{name}", "has_default_dtype": name in PLAIN, **kwargs})


def live(torch, array):
    """The torch tensor of ``array``, which NumPy and torch share but for bfloat16."""
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.view(np.uint16)).view(torch.bfloat16)
    return torch.from_numpy(array)


def numbers(dtype):
    if dtype == "bool":
        return st.booleans()
    if dtype in WHOLE:
        bounds = np.iinfo(dtype)
        near = st.integers(max(bounds.min, -120), min(bounds.max, 1200))
        return st.one_of(near, st.integers(int(bounds.min), int(bounds.max)))
    real = st.one_of(st.sampled_from(SPECIAL), st.integers(-1200, 1200).map(float), st.floats(-10, 10), st.floats())
    return st.builds(complex, real, real) if "complex" in dtype else real


@st.composite
def arrays(draw, dtypes=DTYPES):
    """Arrays that mix a few kinds of number, so that every notation is met: wholes alone, ratios beyond 1000, nan ..."""
    dtype = draw(st.sampled_from(dtypes))
    shape = draw(
        st.one_of(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5), st.tuples(st.integers(0, 60)))
    )
    pool = draw(st.lists(numbers(dtype), min_size=1, max_size=6))
    seed = draw(st.integers(0, 2**16))
    with np.errstate(over="ignore"):
        values = np.array(pool, "float64" if dtype == "bfloat16" else dtype)
    picked = np.random.default_rng(seed).choice(values, size=shape)
    return to_bfloat16(picked) if dtype == "bfloat16" else np.asarray(picked, dtype)


def to_bfloat16(array):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(array).astype(ml_dtypes.bfloat16)


OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 8),
        "threshold": st.integers(0, 60),
        "edgeitems": st.integers(0, 4),
        "linewidth": st.integers(1, 130),
        "profile": st.sampled_from(["default", "short", "full", "no such profile"]),
        "sci_mode": st.sampled_from([None, True, False]),
    },
)


@pytest.mark.parametrize(("values", "dtype", "expected"), RECORDED)
def test_text_is_the_one_torch_was_recorded_with(values, dtype, expected):
    """Without torch at hand the texts recorded from it are matched."""
    assert printed(np.array(values, dtype)) == expected


@pytest.mark.parametrize(("values", "dtype", "expected"), RECORDED)
def test_recorded_text_is_still_what_torch_prints(values, dtype, expected):
    """The recorded texts are the live torch's own."""
    torch = pytest.importorskip("torch")
    assert repr(torch.from_numpy(np.array(values, dtype))) == expected


@settings(deadline=None, max_examples=300)
@given(array=arrays(), options=OPTIONS)
def test_any_tensor_under_any_options_prints_as_torch_prints_it(array, options):
    """Every dtype, shape, value and setting gives torch's text."""
    torch = pytest.importorskip("torch")
    with printoptions(**options), torch._tensor_str.printoptions(**options):
        assert printed(array) == repr(live(torch, array))


@settings(deadline=None, max_examples=200)
@given(array=arrays(["float16", "float32", "float64", "complex64"]), options=OPTIONS, recorded=st.booleans())
def test_autograd_suffix_breaks_the_line_where_torch_breaks_it(array, options, recorded):
    """``requires_grad`` and ``grad_fn`` go on a new line exactly where torch puts them on one."""
    torch = pytest.importorskip("torch")
    leaf = live(torch, array).requires_grad_()
    tensor = leaf.view(leaf.shape) if recorded else leaf
    with printoptions(**options), torch._tensor_str.printoptions(**options):
        text = printed(array, requires_grad=True, grad_fn="ViewBackward0" if recorded else None)
        assert text == repr(tensor)


@pytest.mark.parametrize("length", range(8, 20))
def test_suffix_moves_down_one_line_at_the_same_length_as_in_torch(length):
    """A last line that grows by one number at a time breaks before its suffix at torch's column."""
    torch = pytest.importorskip("torch")
    array = np.arange(length, dtype="float64")
    expected = repr(torch.from_numpy(array).requires_grad_())
    assert printed(array, requires_grad=True) == expected


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64", "complex128", "int64", "int32"])
@pytest.mark.parametrize("shape", [(), (2,), (0,), (0, 2)])
def test_dtype_goes_unsaid_by_the_default_dtype_in_force(dtype, shape):
    """Under a float64 default, float64 and complex128 go without a suffix; empty tensors name all but float64."""
    torch = pytest.importorskip("torch")
    array = np.ones(shape, dtype)
    torch.set_default_dtype(torch.float64)
    try:
        expected = repr(torch.from_numpy(array))
    finally:
        torch.set_default_dtype(torch.float32)
    assert printed(array, has_default_dtype=dtype in {"float64", "complex128", "int64"}) == expected


def test_summary_of_a_matrix_shows_its_corners():
    """A matrix of more than 1000 elements is cut in both dims, and only what is shown decides the notation."""
    torch = pytest.importorskip("torch")
    array = np.arange(1200.0).reshape(30, 40) / 7
    array[15, 20] = 1e30
    assert printed(array) == repr(torch.from_numpy(array))


def test_strided_arrays_print_as_their_copies():
    """Transposed, reversed and expanded arrays print like contiguous ones."""
    matrix = np.arange(12.0).reshape(3, 4)
    for array in (matrix.T, matrix[::-1, ::2], np.broadcast_to(matrix[0], (3, 4))):
        assert printed(array) == printed(array.copy())


def test_node_names_lose_their_namespace():
    """Nodes of C++ show the last part of their name: ``torch::autograd::CopySlices`` is ``CopySlices``."""
    torch = pytest.importorskip("torch")
    base = torch.ones(3, requires_grad=True) * 1
    base[:2].mul_(2)
    text = printed(np.array([2, 2, 1], "float32"), requires_grad=True, grad_fn=base.grad_fn.name())
    assert text == repr(base) == "tensor([2., 2., 1.], grad_fn=<CopySlices>)"


def test_a_tensor_without_a_derivative_shows_a_node_that_says_so():
    """``set_`` on a result leaves ``<NotImplemented>`` behind."""
    torch = pytest.importorskip("torch")
    result = torch.ones(2, requires_grad=True) * 2
    result.set_(torch.ones(1))
    text = printed(np.ones(1, "float32"), requires_grad=True, grad_fn=result.grad_fn.name())
    assert text == repr(result) == "tensor([1.], grad_fn=<NotImplemented>)"


def test_a_view_whose_node_cannot_be_read_is_invalid():
    """A view made and changed under ``no_grad`` has ``<Invalid>`` for a node."""
    torch = pytest.importorskip("torch")
    base = torch.ones(3, requires_grad=True).clone()
    with torch.no_grad():
        view = base[:2]
        view.mul_(2)
    text = printed(np.full(2, 2, "float32"), grad_fn="Invalid")
    assert text == repr(view) == "tensor([2., 2.], grad_fn=<Invalid>)"


def test_parameters_and_subclasses_are_named():
    """A Parameter is announced on a line of its own, a subclass replaces the word tensor, and one of Parameter does both."""
    torch = pytest.importorskip("torch")
    ones, array = torch.ones(2), np.ones(2, "float32")
    gain = type("Gain", (torch.nn.Parameter,), {})(ones)
    point = ones.as_subclass(type("Point", (torch.Tensor,), {}))
    assert printed(array, parameter=True, requires_grad=True) == repr(torch.nn.Parameter(ones))
    assert printed(array, parameter=True, requires_grad=True, class_name="Gain") == repr(gain)
    assert printed(array, class_name="Point") == repr(point) == "Point([1., 1.])"


# torch compiles its forward rules with torch.jit on the first use of one, and warns about that itself.
@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
@pytest.mark.parametrize("shape", [(), (2,), (2, 2), (3, 12)])
def test_a_dual_tensor_shows_its_tangent(shape):
    """The tangent stands last, unindented, and a 0-d one is a bare number."""
    torch = pytest.importorskip("torch")
    array = np.full(shape, 2, "float32")
    primal, tangent = torch.from_numpy(array), torch.ones(shape)
    with torch.autograd.forward_ad.dual_level():
        expected = repr(torch.autograd.forward_ad.make_dual(primal, tangent))
    assert printed(array, tangent=format(tangent, "")) == expected


def test_given_contents_replace_the_numbers():
    """``tensor_contents`` stands where the numbers would, with the suffixes kept."""
    torch = pytest.importorskip("torch")
    array = np.ones((2, 2))
    expected = torch.from_numpy(array).__repr__(tensor_contents="<secret>")
    assert printed(array, tensor_contents="<secret>") == expected == "tensor(<secret>, dtype=torch.float64)"


@given(indent=st.integers(0, 30))
def test_indented_text_wraps_inside_what_is_left_of_the_line(indent):
    """Text that starts at a column is the text of a line that is shorter by it, moved right."""
    array = np.arange(100.0).reshape(2, 50)
    with printoptions(linewidth=80 - indent):
        expected = printed(array, requires_grad=True).replace("\n", "\n" + " " * indent)
    assert printed(array, requires_grad=True, indent=indent) == expected


@given(first=OPTIONS, second=OPTIONS)
def test_options_are_set_kept_and_restored_as_in_torch(first, second):
    """Each call changes what it names, resets ``sci_mode``, and a block gives back what it found."""
    torch = pytest.importorskip("torch")
    with contextlib.ExitStack() as stack:
        for options in (first, second):
            stack.enter_context(printoptions(**options))
            stack.enter_context(torch._tensor_str.printoptions(**options))
            assert get_printoptions() == torch._tensor_str.get_printoptions()
    assert get_printoptions() == torch._tensor_str.get_printoptions()


def test_options_are_restored_after_an_error():
    """A block that raises leaves the options as they were."""
    before = get_printoptions()
    with contextlib.suppress(ZeroDivisionError), printoptions(precision=1, sci_mode=True):
        raise ZeroDivisionError
    assert get_printoptions() == before


def test_set_printoptions_changes_what_is_printed():
    """``set_printoptions`` holds until the default profile is set again."""
    set_printoptions(precision=2, threshold=5, edgeitems=2)
    try:
        texts = [printed(np.array([1.12345], "float32")), printed(np.arange(10))]
    finally:
        set_printoptions(profile="default")
    assert texts == ["tensor([1.12])", "tensor([0, 1,  ..., 8, 9])"]
    assert get_printoptions()["sci_mode"] is None
