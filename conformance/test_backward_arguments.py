"""backward's arguments, one by one, and what a pass leaves behind."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
FREED = "Trying to backward through the graph a second time"


def leaf(xp, *values):
    return xp.tensor(values[0] if len(values) == 1 else list(values), requires_grad=True)


def passing(xp, name, ran):
    """A custom Function that notes that its backward ran."""

    class Pass(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, grad):
            ran.append(name)
            return grad

    return Pass.apply


@behaviour("BWD-09", source=SOURCE, level="should", profile="namespace")
def test_one_element_is_no_scalar(xp, check):
    """A gradient of shape (1,) does not fit a 0-d output."""
    with check.raises("RuntimeError", "Mismatch in shape: grad_output[0] has a shape of torch.Size([1])"):
        (leaf(xp, 1.0) * 2).backward(xp.ones(1))


@behaviour("BWD-13", source=SOURCE, level="should", profile="namespace")
def test_gradient_in_a_list(xp, check):
    """A list of one gradient is taken for the gradient."""
    x = leaf(xp, 1.0)
    (x * 2).backward([xp.tensor(3.0)])
    check.close(x.grad, 6.0)


@behaviour("BWD-21", source=SOURCE, level="should", profile="namespace")
def test_one_root_without_gradient(xp, check):
    """Without gradients given every root must be a scalar."""
    x = leaf(xp, 2.0, 3.0)
    with check.raises("RuntimeError", "grad can be implicitly created only for scalar outputs"):
        xp.autograd.backward([x.sum(), x * 2])


@behaviour("BWD-26", source=SOURCE, profile="namespace")
def test_inputs_is_a_tensor(xp, check):
    """inputs may be one tensor."""
    x, w = leaf(xp, 2.0), leaf(xp, 3.0)
    (x * w).backward(inputs=w)
    check.none(x.grad)
    check.close(w.grad, 2.0)


@behaviour("BWD-49", source=SOURCE, torch=">=2.13", profile="namespace")
def test_inputs_is_a_dict(xp, check):
    """inputs may be a dict of tensors."""
    x, w = leaf(xp, 2.0), leaf(xp, 3.0)
    (x * w).backward(inputs={"x": x})
    check.close(x.grad, 3.0)
    check.none(w.grad)


@behaviour("BWD-33", source=SOURCE, profile="namespace")
def test_node_of_an_input_runs(xp):
    """backward(inputs=[h]) runs h's own node too, and throws the result away."""
    ran = []
    h = passing(xp, "h", ran)(leaf(xp, 2.0))
    (h * h).backward(inputs=[h])
    assert ran == ["h"]


@behaviour("BWD-33", source=SOURCE, profile="namespace")
def test_nodes_beyond_an_input_do_not_run(xp, check):
    """backward(inputs=[h]) runs no node beyond h's own."""
    ran, x = [], leaf(xp, 2.0)
    h = passing(xp, "h", ran)(passing(xp, "a", ran)(x))
    (h * h).backward(inputs=[h])
    assert ran == ["h"]
    check.close(h.grad, 4.0)
    check.none(x.grad)


@behaviour("BWD-34", source=SOURCE, level="should", profile="namespace")
def test_grad_variables(xp, check):
    """grad_variables, the old name of grad_tensors, works and warns."""
    x = leaf(xp, 2.0)
    with check.warns("FutureWarning", "`grad_variables` is deprecated. Use `grad_tensors` instead."):
        xp.autograd.backward([x * 2], grad_variables=[xp.tensor(1.0)])
    check.close(x.grad, 2.0)


@behaviour("BWD-34", source=SOURCE, level="should", profile="namespace")
def test_both_names(xp, check):
    """Both names at once are refused."""
    one = [xp.tensor(1.0)]
    with (
        check.warns("FutureWarning", "`grad_variables` is deprecated"),
        check.raises("RuntimeError", "`grad_tensors` and `grad_variables` (deprecated) arguments both passed"),
    ):
        xp.autograd.backward([leaf(xp, 2.0) * 2], grad_tensors=one, grad_variables=one)


@behaviour("BWD-41", source=SOURCE, level="may", profile="namespace")
def test_expanded_gradient(xp, check):
    """autograd.grad of a sum gives an expanded tensor, which cannot be written to in place."""
    x = xp.ones(2, 3, requires_grad=True)
    (gradient,) = xp.autograd.grad(x.sum(), x)
    assert gradient.stride() == (0, 0)
    with check.raises(
        "RuntimeError", "more than one element of the written-to tensor refers to a single memory location"
    ):
        gradient.add_(1)


@behaviour("BWD-44", source=SOURCE, profile="namespace")
def test_failed_pass_frees(xp, check):
    """A pass that fails has freed what it ran: the next one through the graph is an error of its own."""

    def fail(grad):
        raise ValueError("boom")

    a = leaf(xp, 1.0).exp()
    a.register_hook(fail)
    y = a.exp()
    with pytest.raises(ValueError, match="boom"):
        y.backward()
    with check.raises("RuntimeError", FREED):
        y.backward()


@behaviour("BWD-53", source=SOURCE)
def test_zero_times_infinity(xp, check):
    """A zero gradient times an infinite derivative is NaN, not zero."""
    x = leaf(xp, 0.0)
    (xp.log(x) * 0).backward()
    check.close(x.grad, float("nan"))
