"""Dtypes: which one a result has, which one a gradient has, and what does not mix."""

import math

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"

ORDER = ["bool", "uint8", "int8", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128"]
# row: the left operand's dtype; column: the right's, in ORDER
TENSORS = {
    "bool": "bool uint8 int8 int32 int64 float16 float32 float64 complex64 complex128",
    "uint8": "uint8 uint8 int16 int32 int64 float16 float32 float64 complex64 complex128",
    "int8": "int8 int16 int8 int32 int64 float16 float32 float64 complex64 complex128",
    "int32": "int32 int32 int32 int32 int64 float16 float32 float64 complex64 complex128",
    "int64": "int64 int64 int64 int64 int64 float16 float32 float64 complex64 complex128",
    "float16": "float16 float16 float16 float16 float16 float16 float32 float64 complex64 complex128",
    "float32": "float32 float32 float32 float32 float32 float32 float32 float64 complex64 complex128",
    "float64": "float64 float64 float64 float64 float64 float64 float64 float64 complex128 complex128",
    "complex64": "complex64 " * 7 + "complex128 complex64 complex128",
    "complex128": " ".join(["complex128"] * 10),
}
ZERO_DIMENSIONAL = {
    "bool": "bool uint8 int8 int32 int64 float16 float32 float64 complex64 complex128",
    "uint8": "uint8 uint8 uint8 uint8 uint8 float16 float32 float64 complex64 complex128",
    "int8": "int8 int8 int8 int8 int8 float16 float32 float64 complex64 complex128",
    "int32": "int32 int32 int32 int32 int32 float16 float32 float64 complex64 complex128",
    "int64": "int64 int64 int64 int64 int64 float16 float32 float64 complex64 complex128",
    "float32": "float32 float32 float32 float32 float32 float32 float32 float32 complex64 complex64",
    "float64": "float64 float64 float64 float64 float64 float64 float64 float64 complex128 complex128",
    "complex64": " ".join(["complex64"] * 10),
    "complex128": " ".join(["complex128"] * 10),
}


def _row(xp, left, shape):
    a = xp.ones(2, dtype=getattr(xp, left))
    return [str((a + xp.ones(shape, dtype=getattr(xp, right))).dtype).removeprefix("torch.") for right in ORDER]


@behaviour("DTY-01", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("left", "expected"), TENSORS.items(), ids=TENSORS)
def test_promotion(xp, left, expected):
    """The sum of two tensors has the smallest dtype that both dtypes promote to."""
    assert _row(xp, left, 2) == expected.split()


@behaviour("DTY-02", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("left", "expected"), ZERO_DIMENSIONAL.items(), ids=ZERO_DIMENSIONAL)
def test_zero_dimensional(xp, left, expected):
    """A 0-dim tensor widens a tensor with dimensions only to another kind of number, never within its kind."""
    assert _row(xp, left, ()) == expected.split()


RESULTS = {
    "i + 1": "int64",
    "i + 1.5": "float32",
    "i * True": "int64",
    "i / 2": "float32",
    "i / i": "float32",
    "i // 2": "int64",
    "i ** 2": "int64",
    "i ** 0.5": "float32",
    "2 ** i": "int64",
    "1 / i": "float32",
    "i % 2": "int64",
    "-i": "int64",
    "b + b": "bool",
    "b + 1": "int64",
    "b * 1.0": "float32",
    "f + 1": "float32",
    "h * 1.5": "float16",
    "h + f": "float32",
    "d * f": "float64",
    "i * 1j": "complex64",
    "d + 1j": "complex128",
    "i.sum()": "int64",
    "b.sum()": "int64",
    "j.sum()": "int64",
    "h.sum()": "float16",
    "i.prod()": "int64",
    "i.max()": "int64",
    "f.argmax()": "int64",
    "i.exp()": "float32",
    "b.sin()": "float32",
    "i.sqrt()": "float32",
    "i.sigmoid()": "float32",
    "i.abs()": "int64",
    "c.abs()": "float32",
    "f > 1": "bool",
    "i == f": "bool",
    "i.cumsum(0)": "int64",
    "xp.where(b, i, f)": "float32",
    "xp.cat([i, f])": "float32",
    "xp.stack([i, d])": "float64",
    "xp.maximum(i, f)": "float32",
    "i.clamp(0.5, 1)": "float32",
    "i.float()": "float32",
    "i.double()": "float64",
    "f.half()": "float16",
    "f.int()": "int32",
    "f.long()": "int64",
    "f.bool()": "bool",
    "f.to(xp.float64)": "float64",
    "f.type_as(d)": "float64",
}


@behaviour("DTY-03", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("expression", "dtype"), RESULTS.items(), ids=RESULTS)
def test_result(xp, expression, dtype):
    """Python numbers adapt to the tensor's kind; division and transcendental functions of integers give float32."""
    i, f, b = xp.tensor([1, 2]), xp.tensor([1.0, 2.0]), xp.tensor([True, False])
    names = {"i": i, "j": i.int(), "f": f, "b": b, "d": f.double(), "h": f.half(), "c": xp.tensor([3 + 4j]), "xp": xp}
    assert eval(expression, names).dtype == getattr(xp, dtype)  # the id is the expression


@behaviour("DTY-04", source=SOURCE, profile="namespace")
def test_casts_truncate(xp, check):
    """A float becomes an integer by truncation, and a bool by being nonzero."""
    x = xp.tensor([1.7, -1.7, 0.0])
    check.equal(x.long(), [1, -1, 0])
    check.equal(x.bool(), [True, True, False])


@behaviour("DTY-05", source=SOURCE, profile="namespace")
def test_integers_wrap(xp, check):
    """Integers wrap around at the end of their range."""
    check.equal(xp.tensor([250], dtype=xp.uint8) + 10, [4])


@behaviour("DTY-06", source=SOURCE, profile="namespace")
def test_integer_division(xp, check):
    """// floors, % takes the divisor's sign, / is true division."""
    x = xp.tensor([7, -7])
    check.equal(x // 2, [3, -4])
    check.equal(x % 3, [1, 2])
    check.equal(x / 2, [3.5, -3.5])


REFUSED = {
    "mean_of_integers": (lambda xp: xp.tensor([1, 2]).mean(), "could not infer output dtype"),
    "negative_integer_power": (lambda xp: xp.tensor([2]) ** -1, "Integers to negative integer powers are not allowed"),
    "matmul_of_two_dtypes": (
        lambda xp: xp.ones(2) @ xp.ones(2, dtype=xp.float64),
        "expected both vectors to have same dtype",
    ),
    "difference_of_bools": (
        lambda xp: xp.tensor([True]) - xp.tensor([True]),
        "Subtraction, the `-` operator, with two bool tensors is not supported",
    ),
    "negative_bool": (lambda xp: -xp.tensor([True]), "Negation, the `-` operator, on a bool tensor is not supported"),
}


@behaviour("BC-17", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(("compute", "text"), REFUSED.values(), ids=REFUSED)
def test_refused(xp, check, compute, text):
    """What has no sensible dtype is an error."""
    with check.raises("RuntimeError", text):
        compute(xp)


@behaviour("BC-06", source=SOURCE, level="should", profile="namespace")
def test_shapes_that_do_not_broadcast(xp, check):
    """Shapes that do not broadcast are an error that names sizes and dimension."""
    with check.raises(
        "RuntimeError", "The size of tensor a (2) must match the size of tensor b (3) at non-singleton dimension 0"
    ):
        xp.ones(2) + xp.ones(3)


@behaviour("BC-08", source=SOURCE, profile="namespace")
def test_mixed_precision(xp, check):
    """float32 times float64 is float64; each gradient comes back in its own leaf's dtype."""
    a, b = xp.tensor([2.0], requires_grad=True), xp.tensor([3.0], dtype=xp.float64, requires_grad=True)
    y = a * b
    y.backward()
    assert [t.dtype for t in (y, a.grad, b.grad)] == [xp.float64, xp.float32, xp.float64]
    check.equal(a.grad, [3.0])
    check.equal(b.grad, [2.0])


@behaviour("BC-10", source=SOURCE, profile="namespace")
def test_integer_factor(xp, check):
    """An integer factor is a constant: only the float gets a gradient."""
    a, i = xp.tensor([2.0, 3.0], requires_grad=True), xp.tensor([4, 5])
    y = a * i
    y.sum().backward()
    assert y.dtype == xp.float32
    check.equal(a.grad, [4.0, 5.0])
    check.none(i.grad)


@behaviour("BC-21", source=SOURCE, profile="namespace")
def test_gradient_through_a_cast(xp):
    """A gradient passes a cast in the cast's dtypes: through float32 it loses the precision that float64 had."""
    x = xp.tensor(1 / 3, dtype=xp.float64, requires_grad=True)
    (x.float().double() * (1 / 3)).backward()
    assert x.grad.dtype == xp.float64
    assert x.grad.item() == 0.3333333432674408  # 1 / 3 in float32


@behaviour("BC-12", source="torch 2.13.0; mathematics", profile="namespace")
def test_real_times_complex(xp, check):
    """A real factor of a complex product has a real gradient: of |a z| at a = 2, z = 1 + 2i it is sqrt(5)."""
    a, z = xp.tensor([2.0], requires_grad=True), xp.tensor([1 + 2j], requires_grad=True)
    (a * z).abs().sum().backward()
    check.close(a.grad, [5**0.5])
    check.close(z.grad, [2 * (1 + 2j) / 5**0.5])


@behaviour("DTY-07", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_precision_is_kept(xp, check, dtype):
    """A computation stays in its tensors' precision, forward and backward; Python numbers do not widen it."""
    x = xp.tensor([0.1, 0.2], dtype=getattr(xp, dtype), requires_grad=True)
    y = (x * 3 + 0.1).exp().mean()
    y.backward()
    assert [y.dtype, x.grad.dtype] == [getattr(xp, dtype)] * 2
    check.close(y, (math.exp(0.4) + math.exp(0.7)) / 2)
    check.close(x.grad, [1.5 * math.exp(0.4), 1.5 * math.exp(0.7)])


@behaviour("DTY-08", source=SOURCE, profile="namespace")
def test_default_dtype(xp):
    """set_default_dtype decides what Python floats and factories become."""
    assert xp.get_default_dtype() == xp.float32
    try:
        xp.set_default_dtype(xp.float64)
        assert [t.dtype for t in (xp.tensor(1.5), xp.ones(1), xp.tensor([1]) / 2)] == [xp.float64] * 3
        assert xp.tensor([1j]).dtype == xp.complex128
        assert xp.tensor([1]).dtype == xp.int64
    finally:
        xp.set_default_dtype(xp.float32)
    assert xp.tensor(1.5).dtype == xp.float32


@behaviour("DTY-09", source=SOURCE, profile="namespace")
def test_bfloat16(xp, check):
    """bfloat16 has float32's range and 8 bits of precision; with float16 it promotes to float32."""
    x = xp.tensor([1.0, 1.00390625, 3e38], dtype=xp.bfloat16, requires_grad=True)
    check.equal(x.detach().float()[:2], [1.0, 1.0])
    assert (x + xp.ones(3, dtype=xp.float16)).dtype == xp.float32
    (x[:2] * 2).sum().backward()
    assert x.grad.dtype == xp.bfloat16


@behaviour("DTY-10", source="the harness's contract", profile="core")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_keep_their_dtype(calculus, dtype):
    """Values and gradients come back in the dtype of the arrays that went in."""
    calculus.require(dtype)
    value, (grad,) = calculus.vjp(lambda xp, x: (x * x + 1).sum(), (np.array([1.0, 2.0], dtype),))
    assert (value.dtype.name, grad.dtype.name) == (dtype, dtype)


@behaviour("BC-03", source=SOURCE, profile="core")
def test_scalar_and_one_element(calculus):
    """() with (1,) keeps each gradient's own shape."""
    _, (first, second) = calculus.vjp(lambda xp, a, b: a * b, (np.array(2.0), np.array([3.0])))
    assert [first.shape, second.shape] == [(), (1,)]


@behaviour("BC-15", source="torch 2.13.0; mathematics", profile="namespace")
@pytest.mark.parametrize(("name", "expected"), [("remainder", [-2.0, 3.0]), ("fmod", [-2.0, 2.0])])
def test_remainder(xp, check, name, expected):
    """The gradients of x % y are 1 and -floor(x / y); fmod truncates instead."""
    x, y = xp.tensor([5.5, -5.5], requires_grad=True), xp.tensor([2.0, 2.0], requires_grad=True)
    getattr(xp, name)(x, y).sum().backward()
    check.equal(x.grad, [1.0, 1.0])
    check.equal(y.grad, expected)


@behaviour("BC-22", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (lambda z: z.abs(), [0, (1 + 1j) / 2**0.5]),
        (lambda z: z.real, [1, 1]),
        (lambda z: z.imag, [1j, 1j]),
        (lambda z: z.conj().real, [1, 1]),
        (lambda z: (z * z).imag, [0, 2 + 2j]),
    ],
    ids=["abs", "real", "imag", "conj", "square"],
)
def test_complex_parts(xp, check, fn, expected):
    """The gradient of a real part of a complex computation is complex: x + iy gets d/dx + i d/dy."""
    z = xp.tensor([0j, 1 + 1j], requires_grad=True)
    fn(z).sum().backward()
    check.close(z.grad, expected)


@behaviour("BC-16", source=SOURCE, level="may", profile="core")
@pytest.mark.parametrize("mode", ["floor", "trunc"])
def test_rounded_division(calculus, check, mode):
    """A rounded quotient has gradient 0 for both operands."""
    _, grads = calculus.vjp(lambda xp, x, y: xp.div(x, y, rounding_mode=mode), (np.array([5.5]), np.array([2.0])))
    for grad in grads:
        check.equal(grad, [0.0])


@behaviour("BC-18", source=SOURCE, level="should", profile="namespace")
def test_negative_power_of_an_integer(xp, check):
    """An integer to a negative integer power is an error; to a float power it is a float."""
    with check.raises("RuntimeError", "Integers to negative integer powers are not allowed."):
        xp.tensor([2]) ** -1
    check.equal(xp.tensor([2]) ** -1.0, [0.5])


@behaviour("BC-23", source=SOURCE, profile="namespace")
def test_pairs_of_reals(xp, check):
    """view_as_real and view_as_complex pass the gradient on, pair by pair."""
    z = xp.tensor([1 + 2j], requires_grad=True)
    (xp.view_as_real(z) * xp.tensor([[3.0, 5.0]])).sum().backward()
    check.equal(z.grad, [3 + 5j])
    x = xp.tensor([[1.0, 2.0]], requires_grad=True)
    (xp.view_as_complex(x) * (1 + 1j)).real.sum().backward()
    check.equal(x.grad, [[1.0, -1.0]])


@behaviour("BC-28", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("flipped", [False, True], ids=["bool_on_the_right", "bool_on_the_left"])
def test_subtraction_of_a_bool(xp, check, flipped):
    """- with a bool tensor on either side is an error; with two, another one."""
    flags, numbers = xp.tensor([True]), xp.tensor([1.0])
    with check.raises("RuntimeError", "Subtraction, the `-` operator, with a bool tensor is not supported."):
        flags - numbers if flipped else numbers - flags
    with check.raises("RuntimeError", "Subtraction, the `-` operator, with two bool tensors is not supported."):
        flags - flags
