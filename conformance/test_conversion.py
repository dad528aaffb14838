"""Flags and conversions: where requires_grad may be set, and what leaves the graph on its way to Python and NumPy."""

import warnings

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
NUMPY = "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
LEAVES = "you can only change requires_grad flags of leaf variables."


def leaf(xp, *values):
    return xp.tensor(list(values), requires_grad=True)


# flags


@behaviour("LEAF-06", source=SOURCE, level="should", profile="namespace")
def test_python_integers(xp, check):
    """A tensor of Python integers is an integer tensor, and cannot require grad."""
    with check.raises("RuntimeError", "Only Tensors of floating point and complex dtype can require gradients"):
        xp.tensor([1, 2, 3], requires_grad=True)


@behaviour("LEAF-07", source=SOURCE, level="should", profile="namespace")
def test_method_on_integers(xp, check):
    """requires_grad_() on an integer tensor is refused."""
    with check.raises("RuntimeError", "only Tensors of floating point dtype can require gradients"):
        xp.ones(2, dtype=xp.int64).requires_grad_()


@behaviour("LEAF-08", source=SOURCE, level="should", profile="namespace")
def test_attribute_on_bools(xp, check):
    """Setting requires_grad of a bool tensor is refused."""
    x = xp.ones(2, dtype=xp.bool)
    with check.raises("RuntimeError", "only Tensors of floating point and complex dtype can require gradients"):
        x.requires_grad = True


@behaviour("LEAF-11", source=SOURCE, level="should", profile="namespace")
def test_switched_off_by_method(xp, check):
    """requires_grad_(False) on a computed tensor is refused, and says to detach."""
    with check.raises("RuntimeError", f"{LEAVES} If you want to use a computed variable"):
        (leaf(xp, 1.0) * 2).requires_grad_(False)


@behaviour("LEAF-12", source=SOURCE, level="should", profile="namespace")
def test_switched_on_again_by_method(xp):
    """requires_grad_() on a computed tensor that requires grad leaves its history alone."""
    y = leaf(xp, 1.0) * 2
    node = y.grad_fn
    assert y.requires_grad_() is y
    assert y.grad_fn is node


@behaviour("LEAF-55", source=SOURCE)
def test_result_in_no_grad(xp):
    """In no_grad the result of an op on a leaf is a leaf that requires no grad."""
    x = leaf(xp, 1.0)
    with xp.no_grad():
        y = x * 2
    assert not y.requires_grad
    assert y.is_leaf


@behaviour("LEAF-23", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(
    ("same", "name"),
    [
        (lambda x: x.view(2), "ViewBackward0"),
        (lambda x: x.reshape(2), "ViewBackward0"),
        (lambda x: x.expand(2), "ExpandBackward0"),
        (lambda x: x[...], "AliasBackward0"),
    ],
    ids=["view", "reshape", "expand", "ellipsis"],
)
def test_same_shape(xp, same, name):
    """A view of the same shape is a tensor of its own, and a node of its own."""
    x = leaf(xp, 1.0, 2.0)
    y = same(x)
    assert y is not x
    assert y.grad_fn.name() == name


@behaviour("EX-30", source=SOURCE, profile="namespace")
def test_views_of_leaves(xp):
    """A view of a leaf is no leaf; a view of a detached tensor is one."""
    x = leaf(xp, 1.0, 2.0)
    assert not x[0].is_leaf
    assert not x.view(2).is_leaf
    assert x.detach()[0].is_leaf


# out of the graph


@behaviour("LEAF-27", source=SOURCE, profile="namespace")
@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True to a scalar")
def test_tensor_of_tensors(xp, check):
    """torch.tensor of a list of scalars that require grad copies the numbers, and cuts the graph."""
    x = xp.tensor(1.0, requires_grad=True)
    y = xp.tensor([x, x * 2])
    check.close(y, [1.0, 2.0])
    assert not y.requires_grad


@behaviour("EX-25", source=SOURCE, profile="namespace")
def test_stack_of_tensors(xp):
    """stack of a list of scalars keeps the graph: each scalar gets its own gradient."""
    scalars = [xp.tensor(float(i), requires_grad=True) for i in range(3)]
    xp.stack([x * x for x in scalars]).sum().backward()
    assert [x.grad.item() for x in scalars] == [0.0, 2.0, 4.0]


@behaviour("LEAF-32", source=SOURCE, level="should", profile="namespace")
def test_asarray(xp, check):
    """np.asarray of a tensor that requires grad is refused."""
    with check.raises("RuntimeError", NUMPY):
        np.asarray(leaf(xp, 1.0))


@behaviour("LEAF-35", source=SOURCE, level="should", profile="namespace")
def test_ufunc(xp, check):
    """A NumPy function of a tensor that requires grad is refused."""
    with check.raises("RuntimeError", NUMPY):
        np.sin(leaf(xp, 1.0))


@behaviour("EX-01", source=SOURCE, level="may", profile="namespace")
def test_warned_once(xp):
    """With set_warn_always(True) a warning that comes once a process comes each time."""
    x = xp.tensor(1.0, requires_grad=True)
    xp.set_warn_always(True)
    try:
        for _ in range(2):
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                assert float(x) == 1.0
            assert len(seen) == 1
    finally:
        xp.set_warn_always(False)


@behaviour("EX-01", source=SOURCE, level="may", profile="namespace")
def test_not_warned_twice(xp):
    """float() of a tensor that requires grad warns once a process."""
    x = xp.tensor(1.0, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert float(x) == 1.0
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert float(x) == 1.0
    assert seen == []


@behaviour("EX-26", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("name", ["equal", "allclose"])
def test_compared(xp, name):
    """equal and allclose take tensors that require grad, and give a bool."""
    assert getattr(xp, name)(leaf(xp, 1.0), xp.ones(1)) is True


# names of old


@behaviour("EX-02", source=SOURCE, profile="namespace")
def test_variable(xp):
    """Variable gives a leaf, a plain tensor; every tensor is an instance."""
    v = xp.autograd.Variable(xp.ones(1), requires_grad=True)
    assert type(v) is xp.Tensor
    assert v.is_leaf
    assert v.requires_grad
    assert isinstance(xp.ones(1), xp.autograd.Variable)


@behaviour("EX-02", source=SOURCE, level="should", profile="namespace")
def test_volatile_argument(xp, check):
    """volatile=True has no effect but a warning."""
    with check.warns("UserWarning", "volatile was removed and now has no effect."):
        xp.autograd.Variable(xp.ones(1), volatile=True)


@behaviour("EX-03", source=SOURCE, level="should", profile="namespace")
def test_volatile_attribute(xp, check):
    """A tensor's volatile is False, with a warning."""
    with check.warns("UserWarning", "volatile was removed (Variable.volatile is always False)"):
        assert xp.ones(1).volatile is False


@behaviour("EX-13", source=SOURCE, level="may", profile="namespace")
def test_swap(xp, check):
    """swap_tensors exchanges what two tensors are: each name holds the other's values."""
    a, b = leaf(xp, 1.0), leaf(xp, 2.0)
    xp.utils.swap_tensors(a, b)
    check.close(a, [2.0])
    check.close(b, [1.0])


@behaviour("EX-17", source=SOURCE, level="may", profile="namespace")
def test_deterministic_sums(xp):
    """Contributions to a gradient are summed in one order: each run gives the same bits."""

    def run():
        x = xp.tensor([1e8, 1.0, -1e8], requires_grad=True)
        xp.stack([x * factor for factor in (1e8, 1.0, -1e8)]).sum().backward()
        return x.grad.tolist()

    assert run() == run() == [0.0, 0.0, 0.0]


@behaviour("EX-27", source=SOURCE, profile="namespace")
def test_assert_close_looks_at_values(xp, check):
    """assert_close compares values, shapes and types; whether a tensor has a history is not its business."""
    xp.testing.assert_close(xp.ones(1, requires_grad=True) * 1, xp.ones(1))
    with check.raises("AssertionError", "Tensor-likes are not close!"):
        xp.testing.assert_close(xp.ones(1), xp.zeros(1))
