"""Which tensors are leaves, which require grad, and what may be done to those flags and to ``.grad``."""

import math

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


@behaviour("LEAF-01", source="the tutorial; torch 2.13.0")
def test_plain_tensor(xp, check):
    """A tensor made without requires_grad does not require grad, is a leaf, and has no gradient."""
    x = xp.tensor([1.0, 2.0])
    assert not x.requires_grad
    assert x.is_leaf
    check.none(x.grad)


@behaviour("LEAF-02", source="the tutorial; torch 2.13.0")
def test_leaf(xp, check):
    """A tensor made with requires_grad=True is a leaf; its gradient starts as None, not as zeros."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    assert x.requires_grad
    assert x.is_leaf
    check.none(x.grad)


@behaviour("LEAF-03", source="the tutorial; torch 2.13.0")
def test_result(xp):
    """The result of an op on a tensor that requires grad requires grad and is no leaf."""
    y = xp.tensor([1.0], requires_grad=True) + 1
    assert y.requires_grad
    assert not y.is_leaf


@behaviour("LEAF-04", source=SOURCE)
def test_result_of_constants(xp):
    """The result of an op on tensors that do not require grad is a leaf."""
    y = xp.tensor([1.0]) + 1
    assert y.is_leaf
    assert not y.requires_grad


@behaviour("LEAF-67", source=SOURCE)
def test_one_input_is_enough(xp):
    """One input that requires grad makes the result require grad."""
    x, c = xp.tensor([1.0], requires_grad=True), xp.tensor([2.0])
    assert (x * c).requires_grad
    assert (c * x).requires_grad
    assert not (c * c).requires_grad


@behaviour("LEAF-05", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    "make",
    [
        lambda xp: xp.ones(2, dtype=xp.int64, requires_grad=True),
        lambda xp: xp.tensor([1, 2, 3], requires_grad=True),
        lambda xp: xp.tensor([1, 2]).requires_grad_(),
        lambda xp: setattr(xp.tensor([True]), "requires_grad", True),
    ],
    ids=["factory", "python_integers", "method", "attribute"],
)
def test_only_floats_may_require_grad(xp, check, make):
    """Requiring grad of an integer or bool tensor is an error."""
    with check.raises("RuntimeError", "can require gradients"):
        make(xp)


@behaviour("LEAF-09", source=SOURCE, profile="namespace")
def test_complex_may_require_grad(xp):
    """A complex tensor may require grad."""
    assert xp.tensor([1 + 2j], requires_grad=True).requires_grad


@behaviour("LEAF-10", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    "switch_off",
    [lambda y: setattr(y, "requires_grad", False), lambda y: y.requires_grad_(False)],
    ids=["attribute", "method"],
)
def test_non_leaf_cannot_be_switched_off(xp, check, switch_off):
    """requires_grad of a computed tensor cannot be switched off; detach is the way."""
    y = xp.ones(1, requires_grad=True) * 2
    with check.raises("RuntimeError", "you can only change requires_grad flags of leaf variables"):
        switch_off(y)


@behaviour("LEAF-12", source=SOURCE, level="should", profile="namespace")
def test_requires_grad_on_a_non_leaf(xp):
    """requires_grad_() on a computed tensor that requires grad already returns it, unchanged."""
    y = xp.ones(1, requires_grad=True) * 2
    assert y.requires_grad_() is y
    assert not y.is_leaf


@behaviour("LEAF-13", source=SOURCE, profile="namespace")
def test_requires_grad_in_place(xp):
    """requires_grad_() switches a tensor's own flag on, or off, and returns the tensor."""
    x = xp.ones(1)
    assert x.requires_grad_() is x
    assert x.requires_grad
    assert not x.requires_grad_(False).requires_grad


@behaviour("LEAF-14", source=SOURCE, level="should", profile="namespace")
def test_flag_is_a_bool(xp, check):
    """requires_grad takes a bool and nothing that merely acts like one."""
    x = xp.ones(1)
    with check.raises("RuntimeError", "requires_grad must be a bool"):
        x.requires_grad = 1


@behaviour("LEAF-15", source=SOURCE, profile="namespace")
def test_switched_on_late(xp):
    """Switching requires_grad on does not connect results computed before."""
    x = xp.ones(1)
    y = x * 2
    x.requires_grad_()
    assert not y.requires_grad
    assert (x * 2).requires_grad


@behaviour("LEAF-16", source=SOURCE, profile="namespace")
def test_switched_off_after_use(xp, check):
    """A leaf switched off after it was used gets no gradient, and backward still runs."""
    x = xp.ones(1, requires_grad=True)
    y = x * 2
    x.requires_grad_(False)
    assert y.requires_grad
    y.backward()
    check.none(x.grad)


@behaviour("LEAF-17", source=SOURCE, level="should", profile="namespace")
def test_grad_of_a_switched_off_leaf(xp, check):
    """autograd.grad for a leaf that was switched off says that it does not require grad."""
    x = xp.ones(1, requires_grad=True)
    y = x * 2
    x.requires_grad_(False)
    with check.raises("RuntimeError", "One of the differentiated Tensors does not require grad"):
        xp.autograd.grad(y, x)


@behaviour("LEAF-18", source=SOURCE, profile="namespace")
def test_switched_off_and_on(xp, check):
    """A leaf switched off and on again before backward gets its gradient as if nothing had happened."""
    x = xp.tensor([2.0], requires_grad=True)
    y = x * x
    x.requires_grad_(False).requires_grad_()
    y.backward()
    check.equal(x.grad, [4.0])


@behaviour("LEAF-19", source=SOURCE, level="should", profile="namespace")
def test_cast_leaf(xp, check):
    """ones(2, requires_grad=True).double() is no leaf: the leaf is the tensor before the cast, and nobody holds it."""
    x = xp.ones(2, requires_grad=True).double()
    x.sum().backward()
    assert not x.is_leaf
    with check.warns("UserWarning", "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed"):
        check.none(x.grad)


@behaviour("LEAF-21", source=SOURCE, level="should", profile="namespace")
def test_clone(xp):
    """clone() of a leaf is a computed tensor."""
    y = xp.ones(2, requires_grad=True).clone()
    assert not y.is_leaf
    assert y.grad_fn.name() == "CloneBackward0"


@behaviour("LEAF-25", source=SOURCE, level="should", profile="namespace")
def test_tensor_of_a_tensor(xp, check):
    """tensor(t) copies t, cuts it off its graph, and warns."""
    x = xp.ones(1, requires_grad=True)
    with check.warns("UserWarning", "To copy construct from a tensor"):
        y = xp.tensor(x)
    assert not y.requires_grad
    assert y.is_leaf


@behaviour("LEAF-29", source=SOURCE, level="should", profile="namespace")
def test_quiet_conversions(xp, check):
    """item(), tolist(), bool() and int() of a tensor that requires grad give plain numbers, with no warning."""
    x = xp.tensor(1.0, requires_grad=True)
    with check.silent():
        assert (x.item(), x.tolist(), bool(x), int(x)) == (1.0, 1.0, True, 1)


@behaviour("LEAF-31", source="the tutorial; torch 2.13.0", level="should", profile="namespace")
@pytest.mark.parametrize("convert", [lambda x: x.numpy(), np.asarray, np.sin], ids=["numpy", "asarray", "ufunc"])
def test_numpy_of_a_leaf(xp, check, convert):
    """A tensor that requires grad does not turn into an array."""
    with check.raises(
        "RuntimeError", "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
    ):
        convert(xp.ones(1, requires_grad=True))


@behaviour("LEAF-33", source=SOURCE, profile="namespace")
def test_numpy_by_force(xp):
    """numpy(force=True) detaches first."""
    assert xp.ones(2, requires_grad=True).numpy(force=True).tolist() == [1.0, 1.0]


@behaviour("LEAF-36", source=SOURCE, level="should", profile="namespace")
def test_array_on_the_left(xp, check):
    """A NumPy array times a tensor that requires grad is a TypeError."""
    with check.raises("TypeError", "unsupported operand type(s)"):
        np.ones(2) * xp.ones(2, requires_grad=True)


@behaviour("LEAF-38", source=SOURCE)
def test_comparison(xp):
    """The result of a comparison does not require grad."""
    x = xp.tensor([1.0, 3.0], requires_grad=True)
    assert not (x > 2).requires_grad


@behaviour("LEAF-39", source=SOURCE, profile="namespace")
def test_integer_results(xp):
    """Indices do not require grad; the values that come with them do."""
    x = xp.tensor([1.0, 3.0, 2.0], requires_grad=True)
    values, indices = x.max(0)
    assert values.requires_grad
    assert not indices.requires_grad
    assert not x.argmax().requires_grad


@behaviour("LEAF-42", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("name", ["is_leaf", "grad_fn", "output_nr", "_version"])
def test_read_only(xp, check, name):
    """What autograd says about a tensor cannot be overwritten."""
    with check.raises("AttributeError", "not writable"):
        setattr(xp.ones(1), name, 1)


@behaviour("LEAF-43", source=SOURCE, profile="namespace")
def test_grad_is_resettable(xp, check):
    """None may be assigned to .grad, and deleting it means the same."""
    x = xp.tensor([1.0], requires_grad=True)
    for reset in (lambda: setattr(x, "grad", None), lambda: delattr(x, "grad")):
        (x * 2).backward()
        check.equal(x.grad, [2.0])
        reset()
        check.none(x.grad)


@behaviour("LEAF-44", source=SOURCE, torch=">=2.13", level="should", profile="namespace")
@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (
            lambda xp: xp.ones(3),
            "RuntimeError",
            "attempting to assign a gradient of size '[3]' to a tensor of size '[2]'",
        ),
        (lambda xp: xp.ones(2, dtype=xp.float64), "RuntimeError", "attempting to assign a gradient with dtype"),
        (lambda xp: 1, "TypeError", "assigned grad expected to be a Tensor or None"),
    ],
    ids=["size", "dtype", "number"],
)
def test_assigned_grad_is_checked(xp, check, value, error, text):
    """What is assigned to .grad must be a tensor of the leaf's size and dtype."""
    x = xp.ones(2, requires_grad=True)
    with check.raises(error, text):
        x.grad = value(xp)


@behaviour("LEAF-48", source=SOURCE, profile="namespace")
def test_grad_of_a_constant(xp, check):
    """A tensor that does not require grad accepts a gradient all the same."""
    x = xp.ones(2)
    x.grad = xp.ones(2)
    check.equal(x.grad, [1.0, 1.0])


@behaviour("LEAF-50", source="the tutorial; torch 2.13.0", level="should", profile="namespace")
def test_grad_of_a_non_leaf(xp, check):
    """Reading .grad of a computed tensor warns, each time, and gives None."""
    y = xp.ones(1, requires_grad=True) * 2
    for _ in range(2):
        with check.warns("UserWarning", "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed"):
            check.none(y.grad)


@behaviour("LEAF-51", source=SOURCE, level="should", profile="namespace")
def test_retain_grad(xp, check):
    """After retain_grad() a computed tensor keeps its gradient, and reading it is silent."""
    x = xp.tensor([3.0], requires_grad=True)
    y = x * 2
    y.retain_grad()
    with check.silent():
        check.none(y.grad)
        (y * y).backward()
        check.equal(y.grad, [12.0])
    check.equal(x.grad, [24.0])


@behaviour("LEAF-53", source=SOURCE, level="should", profile="namespace")
def test_assigned_grad_of_a_non_leaf(xp, check):
    """A gradient may be assigned to a computed tensor; reading it back is silent."""
    y = xp.ones(1, requires_grad=True) * 2
    y.grad = xp.ones(1)
    with check.silent():
        check.equal(y.grad, [1.0])


@behaviour("LEAF-56", source=SOURCE, level="may", profile="namespace")
def test_output_number(xp):
    """output_nr counts an op's outputs from 0; all of them share one node."""
    x = xp.ones(2, requires_grad=True)
    first, second = x.unbind()
    assert (x.output_nr, first.output_nr, second.output_nr) == (0, 0, 1)
    assert first.grad_fn is second.grad_fn


@behaviour("LEAF-58", source=SOURCE)
@pytest.mark.parametrize(
    ("data", "shape"), [(2.0, ()), ([2.0], (1,)), ([[1.0, 2.0, 3.0]], (1, 3))], ids=["0d", "1d", "2d"]
)
def test_grad_has_the_leafs_shape(xp, check, data, shape):
    """A gradient has its leaf's shape, none of it for a 0-dim leaf."""
    x = xp.tensor(data, requires_grad=True)
    (x * 3).sum().backward()
    assert check.array(x.grad).shape == shape


@behaviour("LEAF-61", source=SOURCE, profile="namespace")
def test_view_becomes_a_leaf(xp, check):
    """requires_grad_() on a view of a plain tensor makes the view a leaf; its base stays as it was."""
    base = xp.ones(2)
    view = base[0].requires_grad_()
    (view * 2).backward()
    assert not base.requires_grad
    assert view.is_leaf
    check.equal(view.grad, 2.0)


@behaviour("LEAF-62", source=SOURCE, profile="namespace")
def test_copy_or_share(xp, check):
    """tensor(array) copies; from_numpy(array) shares its memory."""
    data = np.ones(2, np.float32)
    copied, shared = xp.tensor(data, requires_grad=True), xp.from_numpy(data).requires_grad_()
    data[0] = 5
    check.equal(copied, [1.0, 1.0])
    check.equal(shared, [5.0, 1.0])


@behaviour("LEAF-64", source=SOURCE, level="should", profile="namespace")
def test_truth_of_several(xp, check):
    """A tensor of several elements has no truth value."""
    with check.raises("RuntimeError", "Boolean value of Tensor with more than one value is ambiguous"):
        bool(xp.ones(2, requires_grad=True))


@behaviour("LEAF-30", source=SOURCE, profile="namespace")
@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True to a scalar")
def test_math_function(xp):
    """A function of the math module takes a one-element tensor as a number."""
    assert math.sqrt(xp.tensor(4.0, requires_grad=True)) == 2.0


@behaviour("LEAF-28", source=SOURCE, level="should", profile="namespace")
def test_float_warns(xp, check):
    """float() of a tensor that requires grad works and warns, by default once in a process."""
    x = xp.tensor(1.5, requires_grad=True)
    xp.set_warn_always(True)
    try:
        with check.warns("UserWarning", "Converting a tensor with requires_grad=True to a scalar"):
            assert float(x) == 1.5
    finally:
        xp.set_warn_always(False)


@behaviour("LEAF-37", source=SOURCE, profile="namespace")
def test_numpy_scalar_on_the_left(xp, check):
    """A NumPy scalar times a tensor is a tensor with a graph."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = np.float32(3) * x
    assert y.requires_grad
    check.equal(y, [3.0, 6.0])
