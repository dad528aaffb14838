"""torch.autograd.grad: gradients as return values."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def leaf(xp, data):
    return xp.tensor(data, requires_grad=True)


@behaviour("AGR-01", source=SOURCE, profile="namespace")
def test_returns_a_tuple(xp, check):
    """grad returns a tuple, also for one output and one input, and leaves .grad alone."""
    x = leaf(xp, 3.0)
    grads = xp.autograd.grad(x * x, x)
    assert isinstance(grads, tuple)
    assert len(grads) == 1
    check.equal(grads[0], 6.0)
    check.none(x.grad)


@behaviour("AGR-49", source=SOURCE, profile="namespace")
def test_several_inputs(xp, check):
    """grad returns one gradient an input, in the inputs' order."""
    x, w, b = leaf(xp, 1.0), leaf(xp, 2.0), leaf(xp, 3.0)
    grads = xp.autograd.grad((w * x + b) ** 2, [b, x, w])
    assert [grad.item() for grad in grads] == [10.0, 20.0, 10.0]


@behaviour("AGR-02", source=SOURCE, level="should", profile="namespace")
def test_unused_input(xp, check):
    """An input that the output does not depend on is an error."""
    x, z = leaf(xp, 3.0), leaf(xp, 1.0)
    with check.raises("RuntimeError", "appears to not have been used in the graph"):
        xp.autograd.grad(x * x, z)


@behaviour("AGR-03", source=SOURCE, profile="namespace")
def test_allow_unused(xp, check):
    """allow_unused=True gives None for an unused input."""
    x, z = leaf(xp, 3.0), leaf(xp, 1.0)
    used, unused = xp.autograd.grad(x * x, [x, z], allow_unused=True)
    check.equal(used, 6.0)
    check.none(unused)


@behaviour("AGR-04", source=SOURCE, torch=">=2.1", profile="namespace")
def test_materialize_grads(xp, check):
    """materialize_grads=True gives zeros for an unused input, in its shape."""
    x, z = leaf(xp, 3.0), leaf(xp, [1.0, 2.0])
    used, unused = xp.autograd.grad(x * x, [x, z], materialize_grads=True)
    check.equal(used, 6.0)
    check.equal(unused, [0.0, 0.0])


@behaviour("AGR-05", source=SOURCE, torch=">=2.1", level="should", profile="namespace")
def test_materialize_forbids_disallowing(xp, check):
    """materialize_grads=True with allow_unused=False is a ValueError."""
    x = leaf(xp, 3.0)
    with check.raises("ValueError", "Expected allow_unused to be True or not passed when materialize_grads=True"):
        xp.autograd.grad(x * x, x, materialize_grads=True, allow_unused=False)


@behaviour("AGR-06", source=SOURCE, level="should", profile="namespace")
def test_constant_input(xp, check):
    """An input that does not require grad is an error, unused ones being allowed or not."""
    x = leaf(xp, 3.0)
    for allow_unused in (False, True):
        with check.raises("RuntimeError", "One of the differentiated Tensors does not require grad"):
            xp.autograd.grad(x * x, xp.ones(1), allow_unused=allow_unused)


@behaviour("AGR-07", source=SOURCE, level="should", profile="namespace")
def test_constant_output(xp, check):
    """An output that does not require grad is an error."""
    with check.raises("RuntimeError", "does not require grad and does not have a grad_fn"):
        xp.autograd.grad(xp.ones(()), leaf(xp, 3.0))


@behaviour("AGR-10", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("wrap", [lambda g: g, lambda g: [g], lambda g: (g,)], ids=["tensor", "list", "tuple"])
def test_grad_outputs(xp, check, wrap):
    """grad_outputs is the vector of the vector-Jacobian product, alone or in a sequence."""
    x = leaf(xp, [3.0, 4.0])
    check.equal(xp.autograd.grad(x * x, x, wrap(xp.tensor([1.0, 10.0])))[0], [6.0, 80.0])


@behaviour("AGR-11", source=SOURCE, level="should", profile="namespace")
def test_grad_outputs_of_another_shape(xp, check):
    """grad_outputs of another shape than the output's is an error."""
    x = leaf(xp, [3.0, 4.0])
    with check.raises("RuntimeError", "Mismatch in shape: grad_output[0] has a shape of torch.Size([3])"):
        xp.autograd.grad(x * x, x, xp.ones(3))


@behaviour("AGR-12", source=SOURCE, profile="namespace")
def test_several_outputs(xp, check):
    """The gradients of several outputs are added."""
    x = leaf(xp, 3.0)
    check.equal(xp.autograd.grad([x * x, x * 5], x)[0], 11.0)


@behaviour("AGR-14", source=SOURCE, profile="namespace")
def test_output_as_input(xp, check):
    """The gradient of an output for itself is the gradient that was given, 1 by default."""
    x = leaf(xp, 3.0)
    y = x * 2
    check.equal(xp.autograd.grad(x, x)[0], 1.0)
    check.equal(xp.autograd.grad(y, y, xp.tensor(5.0))[0], 5.0)


@behaviour("AGR-15", source=SOURCE, torch=">=2.13", level="should", profile="namespace")
def test_no_inputs(xp, check):
    """grad needs inputs."""
    x = leaf(xp, 3.0)
    with check.raises("RuntimeError", "cannot be empty"):
        xp.autograd.grad(x * x, [])


@behaviour("AGR-18", source=SOURCE, profile="namespace")
def test_constant_result(xp, check):
    """Without create_graph the result is a constant."""
    x = leaf(xp, 3.0)
    (grad,) = xp.autograd.grad(x * x, x)
    assert not grad.requires_grad
    check.none(grad.grad_fn)


@behaviour("AGR-50", source=SOURCE, profile="namespace")
def test_intermediate_input(xp, check):
    """A computed tensor may be an input: the gradient stops there."""
    x = leaf(xp, 2.0)
    h = x * 3
    grad_h, grad_x = xp.autograd.grad(h * h, [h, x])
    check.equal(grad_h, 12.0)
    check.equal(grad_x, 36.0)


@behaviour("AGR-23", source=SOURCE, level="should", profile="namespace")
def test_fresh_view_as_input(xp, check):
    """grad(loss, x[0]) is an error: every indexing makes a new tensor, which the loss did not use."""
    x = leaf(xp, [1.0, 2.0])
    with check.raises("RuntimeError", "appears to not have been used in the graph"):
        xp.autograd.grad((x * x).sum(), x[0])


@behaviour("AGR-26", source=SOURCE, profile="namespace")
def test_frees_only_what_ran(xp, check):
    """grad frees the nodes that it ran, and no others."""
    x, z = leaf(xp, 0.0), leaf(xp, 3.0)
    e = x.exp()
    y = e * z
    xp.autograd.grad(y, z)
    with check.raises("RuntimeError", "Trying to backward through the graph a second time"):
        xp.autograd.grad(y, x)
    check.equal(xp.autograd.grad(e, x)[0], 1.0)


@behaviour("AGR-27", source=SOURCE, profile="namespace")
def test_again_where_nothing_was_saved(xp, check):
    """Through an addition, which saves nothing, grad may be called again and again."""
    x, z = leaf(xp, 2.0), leaf(xp, 3.0)
    y = x + z
    for _ in range(3):
        check.equal(xp.autograd.grad(y, x)[0], 1.0)


@behaviour("AGR-28", source=SOURCE, profile="namespace")
def test_zero_is_not_unused(xp, check):
    """An input multiplied by 0, or of which another element was read, gets zeros."""
    x = leaf(xp, [1.0, 2.0])
    check.equal(xp.autograd.grad(0 * x.sum(), x)[0], [0.0, 0.0])
    check.equal(xp.autograd.grad(x[0], x)[0], [1.0, 0.0])


@behaviour("AGR-36", source=SOURCE, profile="namespace")
def test_retained_grad(xp, check):
    """A computed tensor with retain_grad() is filled by grad too, where the gradient passes through it."""
    x = leaf(xp, 2.0)
    h = x * 3
    h.retain_grad()
    xp.autograd.grad(h * h, x)
    check.equal(h.grad, 12.0)


@behaviour("AGR-39", source=SOURCE, level="should", profile="namespace")
def test_input_changed_in_place(xp, check):
    """An input that was changed in place after its use stands for its new value, which is unused."""
    x = leaf(xp, 2.0)
    h = x * 3
    y = h * 1
    h.add_(1)
    with check.raises("RuntimeError", "appears to not have been used in the graph"):
        xp.autograd.grad(y, h)


@behaviour("AGR-42", source=SOURCE, profile="namespace")
def test_none_among_grad_outputs(xp, check):
    """None among grad_outputs means 1 for an output of one element."""
    x = leaf(xp, 2.0)
    check.equal(xp.autograd.grad([x * 1, x * 2], x, [None, xp.tensor(10.0)])[0], 21.0)


@behaviour("AGR-43", source=SOURCE, level="should", profile="namespace")
def test_too_few_grad_outputs(xp, check):
    """grad_outputs must be as many as the outputs."""
    x = leaf(xp, 2.0)
    with check.raises("RuntimeError", "got 2 tensors and 1 gradients"):
        xp.autograd.grad([x * 1, x * 2], x, [xp.tensor(10.0)])


@behaviour("AGR-46", source=SOURCE, profile="namespace")
def test_complex_input(xp, check):
    """The gradient of |z| ** 2 at z is 2 z: the conjugate of Wirtinger's derivative."""
    z = leaf(xp, 1 + 2j)
    check.equal(xp.autograd.grad((z * z.conj()).real, z)[0], 2 + 4j)


@behaviour("AGR-47", source=SOURCE, level="should", profile="namespace")
def test_complex_output(xp, check):
    """A complex output needs grad_outputs."""
    z = leaf(xp, 1 + 2j)
    with check.raises("RuntimeError", "grad can be implicitly created only for real scalar outputs"):
        xp.autograd.grad(z * z, z)


@behaviour("AGR-48", source=SOURCE, profile="namespace")
def test_holomorphic(xp, check):
    """The gradient of z ** 2 with cotangent 1 is the conjugate of 2 z."""
    z = leaf(xp, 1 + 2j)
    check.equal(xp.autograd.grad(z * z, z, xp.tensor(1 + 0j))[0], 2 - 4j)


@behaviour("AGR-51", source="mathematics", profile="core")
def test_unused_primal(calculus, check):
    """A primal that the function ignores gets None, or zeros: never something else."""
    _, (used, unused) = calculus.vjp(lambda xp, x, y: (x * x).sum(), (np.array([3.0]), np.array([1.0, 2.0])))
    check.equal(used, [6.0])
    if unused is not None:
        check.equal(unused, [0.0, 0.0])


@behaviour("AGR-29", source=SOURCE, profile="namespace")
def test_unused_output_of_several(xp, check):
    """An unused output of an op with several contributes zeros."""
    x = leaf(xp, [1.0, 2.0])
    first, _ = x.unbind()
    check.equal(xp.autograd.grad(first, x)[0], [1.0, 0.0])


@behaviour("AGR-40", source=SOURCE, profile="namespace")
def test_output_and_input(xp, check):
    """The output itself and a leaf may be asked for together."""
    x = leaf(xp, 2.0)
    y = x * x
    grad_y, grad_x = xp.autograd.grad(y, [y, x])
    check.equal(grad_y, 1.0)
    check.equal(grad_x, 4.0)
