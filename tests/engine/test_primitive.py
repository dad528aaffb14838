"""Primitives: one function for arrays and tensors, promotion in a call, rules in two orders, and what a rule's names save."""

from __future__ import annotations

import inspect
import itertools
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import refgrad
from refgrad.engine import ops
from refgrad.engine.primitive import PRIMITIVES, node_name, primitive
from refgrad.engine.recording import promoted
from tests.engine.live import attempt, live

# toys -----------------------------------------------------------------------------------------------------------------


@primitive()
def cube(input: Any, /) -> Any:
    """``input`` to the third power."""
    return input * input * input


cube.defvjp(lambda grad, input: grad * 3 * ops.mul(input, input))
cube.defjvp(lambda tangent, input: tangent * 3 * ops.mul(input, input))


@primitive(promotes="yes", name="ToyBackward7")
def axpy(x: Any, y: Any, /, *, a: float = 1.0, b: float) -> Any:
    """``a * x + b * y``."""
    return np.add(a * x, b * y)


axpy.defvjp(x=lambda grad, a: grad * a, y=lambda grad, b: grad * b)


@primitive(outputs=("sine", "cosine"))
def sincos(input: Any, /) -> Any:
    """Sine and cosine at once."""
    return np.sin(input), np.cos(input)


def _sincos_vjp(grad: Any, sine: Any, cosine: Any) -> Any:
    first, second = (ops.zeros_like(sine) if g is None else g for g in grad)
    return first * cosine - second * sine


sincos.defvjp(_sincos_vjp)


@primitive()
def total(*tensors: Any, scale: float) -> Any:
    """The scaled sum of any number of tensors."""
    return scale * sum(tensors)


def _total_vjp(grad: Any, tensors_shape: Any, scale: float, needs: tuple[bool, ...]) -> Any:
    assert len(needs) == len(tensors_shape)
    return [grad * scale for _ in tensors_shape]


total.defvjp(tensors=_total_vjp)
TOYS = {
    name: PRIMITIVES.pop(name) for name in ("cube", "axpy", "sincos", "total")
}  # not for those who go through all ops


@pytest.fixture(autouse=True)
def _registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the primitives that a test makes."""
    for name, op in TOYS.items():
        monkeypatch.setitem(PRIMITIVES, name, op)
    known = dict(PRIMITIVES)
    yield
    for name in PRIMITIVES.keys() - known.keys():
        del PRIMITIVES[name]


def numerical(function: Any, values: Any, step: float = 1e-6) -> Any:
    """Central differences of the sum of ``function`` on an array."""
    values = np.asarray(values, np.float64)
    grad = np.zeros_like(values)
    for at in np.ndindex(values.shape):
        up, down = values.copy(), values.copy()
        up[at] += step
        down[at] -= step
        grad[at] = (np.sum(function(up)) - np.sum(function(down))) / (2 * step)
    return grad


# arrays and tensors ---------------------------------------------------------------------------------------------------


def test_arrays_pass_through() -> None:
    """On arrays a primitive is its forward; on tensors it gives tensors."""
    array = np.array([1.0, 2.0])
    assert type(cube(array)) is np.ndarray
    assert cube(array).tolist() == [1.0, 8.0]
    result = cube(refgrad.tensor([1.0, 2.0]))
    assert isinstance(result, refgrad.Tensor)
    assert (result.tolist(), result.requires_grad, result.grad_fn) == ([1.0, 8.0], False, None)


@given(st.lists(st.floats(-2, 2), min_size=1, max_size=4))
def test_a_rule_serves_both_orders(values: list[float]) -> None:
    """One rule gives the gradient, the same gradient recorded, and the derivative of that."""
    x = refgrad.tensor(values, dtype=refgrad.float64, requires_grad=True)
    (plain,) = refgrad.autograd.grad(cube(x).sum(), x)  # type: ignore[attr-defined]
    (recorded,) = refgrad.autograd.grad(cube(x).sum(), x, create_graph=True)  # type: ignore[attr-defined]
    (second,) = refgrad.autograd.grad(recorded.sum(), x)
    assert plain.tolist() == recorded.tolist()
    np.testing.assert_allclose(plain.numpy(), numerical(cube, values), atol=1e-6)
    np.testing.assert_allclose(second.numpy(), 6 * np.array(values), atol=1e-12)


def test_several_outputs() -> None:
    """A multi-output op gives a tuple with one node; outputs without a gradient count as none."""
    values = [0.3, 1.2]
    x = refgrad.tensor(values, dtype=refgrad.float64, requires_grad=True)
    sine, cosine = sincos(x)
    assert sine.grad_fn is cosine.grad_fn
    assert [sine.output_nr, cosine.output_nr, sine.grad_fn.name()] == [0, 1, "SincosBackward0"]
    both = refgrad.autograd.grad([sine.sum(), cosine.sum()], x, retain_graph=True)[0]
    np.testing.assert_allclose(both.numpy(), np.cos(values) - np.sin(values))
    only = refgrad.autograd.grad(cosine.sum(), x, create_graph=True)[0]
    np.testing.assert_allclose(only.detach().numpy(), -np.sin(values))
    (second,) = refgrad.autograd.grad(only.sum(), x)
    np.testing.assert_allclose(second.numpy(), -np.cos(values))
    assert all(type(part) is np.ndarray for part in sincos(np.array(values)))


def test_any_number_of_inputs() -> None:
    """Inputs behind a star share one rule, which gives the gradients of the group."""
    x, y, z = (refgrad.tensor([v], requires_grad=True) for v in (1.0, 2.0, 3.0))
    result = total(x, y.detach(), z, x, scale=2.0)
    assert result.tolist() == [14.0]
    assert len(result.grad_fn.next_functions) == 4
    assert result.grad_fn.next_functions[1] == (None, 0)
    result.backward()
    assert [t.grad.tolist() if t.grad is not None else None for t in (x, y, z)] == [[4.0], None, [2.0]]


def test_parameters_by_keyword_and_default() -> None:
    """Parameters may be keyword-only, with and without defaults; inputs may be named too."""
    x, y = refgrad.tensor([1.0], requires_grad=True), refgrad.tensor([2.0], requires_grad=True)
    assert axpy(x, y, b=10).tolist() == [21.0]
    assert axpy(y=y, x=x, a=3, b=1).tolist() == [5.0]
    axpy(x, y, a=3, b=10).backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([3.0], [10.0])
    assert list(inspect.signature(axpy).parameters)[:4] == ["x", "y", "a", "b"]
    assert axpy(np.ones(1), np.ones(1), b=2).tolist() == [3.0]


def test_the_identity_of_a_primitive() -> None:
    """A primitive keeps its name and docstring, is found by name, and names its node."""
    assert (axpy.__name__, axpy.__doc__, axpy.op.name) == ("axpy", "``a * x + b * y``.", "axpy")
    assert PRIMITIVES["axpy"] is axpy.op
    assert (axpy.op.inputs, axpy.op.params, axpy.op.star) == (("x", "y"), ("a", "b"), None)
    assert (total.op.inputs, total.op.params, total.op.star) == ((), ("scale",), "tensors")
    assert node_name("log_softmax") == "LogSoftmaxBackward0"
    assert node_name("_stack") == "StackBackward0"
    x = refgrad.ones(1, requires_grad=True)
    assert axpy(x, x, b=1).grad_fn.name() == "ToyBackward7"


# wrong arguments ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: cube(), "input"),
        (lambda x: cube(x, x), "positional"),
        (lambda x: cube(x, power=2), "power"),
        (lambda x: axpy(x, x), "b"),
        (lambda x: axpy(x, x, 1.0, b=2), "positional"),
        (lambda x: axpy(x, b=1), "y"),
        (lambda x: axpy(x, x, c=2, b=1), "c"),
        (lambda x: total(x), "scale"),
    ],
)
def test_wrong_arguments(call: Any, words: str) -> None:
    """A call that does not fit the signature is a TypeError that names what is wrong."""
    with pytest.raises(TypeError, match=words):
        call(refgrad.ones(1))


def test_a_rule_that_asks_for_what_there_is_not() -> None:
    """A rule with a name that its op does not have fails at its first use, naming both."""

    @primitive()
    def wishful(input: Any, /) -> Any:
        return np.negative(input)

    wishful.defvjp(lambda grad, weather: grad * weather)
    assert wishful(refgrad.ones(1)).tolist() == [-1.0]
    with pytest.raises(TypeError, match="a rule of wishful asks for 'weather', which wishful does not have"):
        wishful(refgrad.ones(1, requires_grad=True))


def test_an_op_without_rules() -> None:
    """An op without a rule gives a constant."""

    @primitive()
    def opaque(input: Any, /) -> Any:
        return np.round(input)

    result = opaque(refgrad.ones(2, requires_grad=True) * 2)
    assert (result.requires_grad, result.grad_fn) == (False, None)


def test_an_input_without_a_rule() -> None:
    """An input that no rule is for has no edge."""

    @primitive()
    def chosen(input: Any, mask: Any, /) -> Any:
        return np.where(mask, input, 0)

    chosen.defvjp(input=lambda grad, mask: ops.where(mask, grad, 0))
    x = refgrad.ones(2, requires_grad=True)
    y = chosen(x, refgrad.tensor([True, False]))
    assert len(y.grad_fn.next_functions) == 1
    y.sum().backward()
    assert x.grad.tolist() == [1.0, 0.0]


# promotion ------------------------------------------------------------------------------------------------------------

_DTYPES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]


@pytest.mark.parametrize("name", ["add", "mul", "div", "sub", "pow", "maximum", "atan2", "eq", "floor_divide"])
def test_promotion_of_pairs(name: str) -> None:
    """Each pair of types, with and without dimensions, gives PyTorch's type and value, or PyTorch's error."""
    torch = pytest.importorskip("torch")
    wrong = []
    for a, b in itertools.product(_DTYPES, repeat=2):
        if "float16" in (a, b) and (a + b).count("complex"):
            continue  # PyTorch's complex32, which NumPy lacks
        for shapes in (((2,), (2,)), ((2,), ()), ((), (2,)), ((), ())):
            mine, theirs = (attempt(lambda xp=xp, s=shapes: _promoted(xp, name, a, b, s)) for xp in (refgrad, torch))
            if str(mine) != str(theirs):
                wrong.append(f"{name}({a}{shapes[0]}, {b}{shapes[1]}): {mine} instead of {theirs}")
    assert not wrong, "\n".join(wrong[:10])


def _promoted(xp: Any, name: str, a: str, b: str, shapes: Any) -> Any:
    x = xp.full(shapes[0], 3, dtype=getattr(xp, a))
    y = xp.full(shapes[1], 2, dtype=getattr(xp, b))
    result = getattr(xp, name)(x, y)
    return result.dtype, [round(abs(v), 3) for v in result.reshape(-1).tolist()]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["add", "sub", "mul", "true_divide", "pow", "rsub"]),
    st.sampled_from(_DTYPES),
    st.sampled_from([2, 2.5, True, 1j, -1, 300, 2**40]),
    st.booleans(),
)
def test_promotion_with_numbers(name: str, dtype: str, number: Any, zero_d: bool) -> None:
    """A Python number takes part with its kind only, wherever it stands."""

    def scene(xp: Any) -> Any:
        if dtype == "float16" and isinstance(number, complex):
            return None  # PyTorch's complex32, which NumPy lacks
        if name == "pow" and abs(number) > 255:
            return None  # how an exponent is converted is the op's own matter
        x = xp.full(() if zero_d else (2,), 1, dtype=getattr(xp, dtype))
        result = attempt(lambda: getattr(xp, name)(x, number))
        return (result.dtype, result) if isinstance(result, xp.Tensor) else result

    live(scene)()


def test_numbers_take_the_common_type() -> None:
    """Promotion leaves NumPy nothing to decide: all arrays are of one type, numbers included."""
    arrays = promoted(axpy.op, [np.ones(2, np.float16), np.ones((), np.float64)])
    assert [a.dtype.name for a in arrays] == ["float16", "float16"]
    arrays = promoted(axpy.op, [np.ones(2, np.uint8), 300])
    assert [a.dtype.name for a in arrays] == ["uint8", "uint8"]
    assert int(arrays[1]) == 300 % 256
    floats = [np.ones(2), np.ones(2)]
    assert promoted(axpy.op, floats) is floats


def test_shapes_that_do_not_broadcast() -> None:
    """An op that promotes says in PyTorch's words which dimension does not match."""
    with pytest.raises(
        RuntimeError,
        match=r"The size of tensor a \(2\) must match the size of tensor b \(3\) at non-singleton dimension 0",
    ):
        axpy(refgrad.ones(2), refgrad.ones(3), b=1)


# what is saved --------------------------------------------------------------------------------------------------------


def kept(build: Any) -> list[bool]:
    """Which of the tensors that ``build`` gives back its result's graph keeps alive."""
    tensors, result = build()
    refs = [weakref.ref(t) for t in tensors]
    del tensors
    return [ref() is not None for ref in refs] if result is not None else []


@pytest.mark.parametrize(("first", "second"), list(itertools.product([False, True], repeat=2)))
def test_a_product_keeps_what_the_other_s_gradient_needs(first: bool, second: bool) -> None:
    """``h * w`` keeps ``h`` only if ``w`` wants a gradient, and ``w`` only if ``h`` does."""

    def build() -> Any:
        h, w = refgrad.ones(2) + 1, refgrad.ones(2) + 1
        h.requires_grad_(first)
        w.requires_grad_(second)
        # tensors without leaves' accumulators: those that want gradients get a node of their own
        h, w = (h * 1 if first else h), (w * 1 if second else w)
        return [h, w], h * w

    assert kept(build) == [second, first]


@pytest.mark.parametrize(
    ("op", "alive"),
    [
        (lambda t: t + 1, False),
        (lambda t: t * 2, False),
        (lambda t: t.sum(), False),
        (lambda t: t.exp(), False),
        (lambda t: t.sin(), True),
        (lambda t: t**2, True),
        (lambda t: t.view(2), False),
        (lambda t: -t, False),
        (lambda t: t.tanh(), False),
        (lambda t: t.reshape(1, 2), False),
        (lambda t: t.mean(), False),
    ],
)
def test_what_an_op_keeps(op: Any, alive: bool) -> None:
    """An op keeps its input alive if its rule names it; a view keeps its base's memory anyway."""

    def build() -> Any:
        t = refgrad.ones(2, requires_grad=True) * 1
        result = op(t)
        return [t], result.grad_fn

    assert kept(build) == [alive]


def test_a_result_is_kept_without_a_cycle() -> None:
    """A rule that names the result keeps the value, not the tensor."""

    def build() -> Any:
        x = refgrad.ones(2, requires_grad=True)
        y = x.exp()
        return [y], y.grad_fn

    assert kept(build) == [False]


def test_what_saved_nothing_runs_twice() -> None:
    """A graph of ops that saved no tensor can be run again."""
    x = refgrad.ones(2, requires_grad=True)
    y = (x + 1 - x.expand(3, 2).sum(0)).view(2, 1).sum()
    y.backward()
    y.backward()
    assert x.grad.tolist() == [-4.0, -4.0]


def test_names_of_shapes_and_types() -> None:
    """``<input>_shape`` and ``<input>_dtype`` give a rule what it needs without the input."""

    @primitive()
    def spread(input: Any, /, count: int) -> Any:
        return np.stack([input] * count)

    seen: list[Any] = []

    def rule(grad: Any, input_shape: Any, input_dtype: Any, count: int) -> Any:
        seen.append((tuple(input_shape), str(input_dtype), count))
        return ops.sum(grad, 0)

    spread.defvjp(rule)
    x = refgrad.ones(2, 3, requires_grad=True)
    y = x * 1
    z = spread(y, 4)
    ref = weakref.ref(y)
    del y
    assert ref() is None
    z.sum().backward()
    assert seen == [((2, 3), "float32", 4)]
    assert x.grad.tolist() == [[4.0] * 3] * 2


def test_results_that_are_no_floats() -> None:
    """Of several outputs those of integer and boolean types carry no gradient."""

    @primitive(outputs=("halves", "positive"))
    def judged(input: Any, /) -> Any:
        return input / 2, input > 0

    judged.defvjp(lambda grad: grad / 2)
    halves, positive = judged(refgrad.ones(2, requires_grad=True))
    assert (halves.requires_grad, halves.grad_fn.name()) == (True, "JudgedBackward0")
    assert (positive.requires_grad, positive.grad_fn, positive.tolist()) == (False, None, [True, True])


def test_a_forward_that_fails_leaves_nothing_behind() -> None:
    """An error in a forward passes through and leaves grad mode and NumPy's error state as they were."""

    @primitive()
    def failing(input: Any, /) -> Any:
        raise ArithmeticError("the forward failed")

    before = np.geterr()
    with pytest.raises(ArithmeticError, match="the forward failed"):
        failing(refgrad.ones(2, requires_grad=True))
    assert np.geterr() == before
    assert refgrad.is_grad_enabled()
