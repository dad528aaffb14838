"""Hooks on nodes, on several tensors at once, on modules, and at the end of a pass."""

import copy
import pickle

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def leaf(xp, *values):
    return xp.tensor(values[0] if len(values) == 1 else list(values), requires_grad=True)


# nodes


@behaviour("HOOK-44", source=SOURCE, profile="namespace")
def test_post_hook(xp, check):
    """A node's hook sees the gradients of its inputs (None where none is needed) and of its outputs, as tuples."""
    y, seen = leaf(xp, 2.0) * 3, []
    y.grad_fn.register_hook(lambda inputs, outputs: seen.append((inputs, outputs)))
    y.backward()
    ((inputs, outputs),) = seen
    assert isinstance(inputs, tuple)
    assert len(inputs) == 2
    assert inputs[1] is None
    check.close(inputs[0], 3.0)
    check.close(outputs[0], 1.0)


@behaviour("HOOK-45", source=SOURCE, profile="namespace")
def test_post_hook_replaces(xp, check):
    """The tuple that a node's hook returns replaces the gradients of its inputs."""
    x = leaf(xp, 2.0)
    y = x * 3
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0] * 10, None))
    y.backward()
    check.close(x.grad, 30.0)


@behaviour("HOOK-45", source=SOURCE, level="should", profile="namespace")
def test_post_hook_returns_too_few(xp, check):
    """A node's hook that returns a tuple of another length is an error."""
    y = leaf(xp, 2.0) * 3
    y.grad_fn.register_hook(lambda inputs, outputs: (inputs[0],))
    with check.raises("RuntimeError", "has returned an incorrect number of values (got 1, but expected 2)"):
        y.backward()


@behaviour("HOOK-46", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    ("hook", "kind"),
    [(lambda inputs, outputs: inputs[0] * 0 + 7, "Tensor"), (lambda inputs, outputs: 5, "int")],
    ids=["tensor", "number"],
)
def test_post_hook_returns_no_tuple(xp, check, hook, kind):
    """A node's hook returns None or a tuple: a bare tensor is an error, even for one input."""
    x = leaf(xp, 2.0)
    y = x.exp()
    y.grad_fn.register_hook(hook)
    with check.raises("TypeError", f"expected tuple, but hook returned '{kind}'"):
        y.backward()
    check.none(x.grad)


@behaviour("HOOK-47", source=SOURCE, profile="namespace")
def test_prehook_replaces(xp, check):
    """The tuple that a node's pre-hook returns replaces the gradients of its outputs."""
    x = leaf(xp, 2.0)
    y = x * 3
    y.grad_fn.register_prehook(lambda grads: (grads[0] * 100,))
    y.backward()
    check.close(x.grad, 300.0)


@behaviour("HOOK-48", source=SOURCE, profile="namespace")
def test_order_on_a_node(xp):
    """Tensor hooks come first, then the node's pre-hooks, then the node, then its hooks."""
    y, order = leaf(xp, 2.0) * 3, []
    y.grad_fn.register_hook(lambda inputs, outputs: order.append("node"))
    y.grad_fn.register_prehook(lambda grads: order.append("pre"))
    y.register_hook(lambda g: order.append("tensor"))
    y.register_hook(lambda g: order.append("tensor2"))
    y.backward()
    assert order == ["tensor", "tensor2", "pre", "node"]


@behaviour("HOOK-49", source=SOURCE, profile="namespace")
def test_retained_before_prehooks(xp, check):
    """A retained .grad is taken before the node's pre-hooks: their replacement does not show."""
    x = leaf(xp, 2.0)
    y = x * 3
    y.retain_grad()
    y.grad_fn.register_prehook(lambda grads: (grads[0] * 100,))
    y.backward()
    check.close(y.grad, 1.0)
    check.close(x.grad, 300.0)


@behaviour("HOOK-50", source=SOURCE, profile="namespace")
def test_tensor_hook_first(xp):
    """A tensor's hook runs before the node's pre-hooks, even if registered after them."""
    y, order = leaf(xp, 2.0) * 3, []
    y.grad_fn.register_prehook(lambda grads: order.append("pre"))
    y.register_hook(lambda g: order.append("tensor"))
    y.backward()
    assert order == ["tensor", "pre"]


@behaviour("HOOK-51", source=SOURCE, profile="namespace")
def test_accumulate_grad(xp, check):
    """AccumulateGrad's pre-hook runs before accumulation, its hook after, with no gradients of inputs."""
    x, seen = leaf(xp, 2.0), []
    y = x * 3
    node = y.grad_fn.next_functions[0][0]
    node.register_hook(lambda inputs, outputs: seen.append((inputs, outputs, x.grad)))
    node.register_prehook(lambda grads: seen.append((grads, x.grad)))
    y.backward()
    (before, grad_before), (inputs, outputs, grad_after) = seen
    check.close(before[0], 3.0)
    check.none(grad_before)
    assert inputs == ()
    check.close(outputs[0], 3.0)
    check.close(grad_after, 3.0)


# several tensors


def multi(xp, tensors, hook, **options):
    return xp.autograd.graph.register_multi_grad_hook(tensors, hook, **options)


@behaviour("HOOK-53", source=SOURCE, profile="namespace")
def test_all_gradients(xp):
    """A hook on several tensors is called once, with all gradients; None for a tensor that none reached."""
    x, y, z = leaf(xp, 1.0), leaf(xp, 2.0), leaf(xp, 3.0)
    seen = []
    multi(xp, (x, y, z), lambda grads: seen.append([None if g is None else g.item() for g in grads]))
    (x * y).backward()
    (x * y * z).backward()
    assert seen == [[2.0, 1.0, None], [6.0, 3.0, 2.0]]


@behaviour("HOOK-53", source=SOURCE, profile="namespace")
def test_all_gradients_of_what_is_asked(xp):
    """A tensor that backward(inputs=...) does not need is not waited for."""
    x, y = leaf(xp, 1.0), leaf(xp, 2.0)
    seen = []
    multi(xp, (x, y), lambda grads: seen.append([g is None for g in grads]))
    (x * y).backward(inputs=[y])
    assert seen == [[True, False]]


@behaviour("HOOK-54", source=SOURCE, profile="namespace")
def test_first_gradient(xp):
    """In mode 'any' the hook is called once a pass, with the first gradient there is."""
    x, y, calls = leaf(xp, 1.0), leaf(xp, 2.0), []
    multi(xp, (x, y), lambda g: calls.append(1), mode="any")
    (x * y).backward()
    (x * y).backward()
    assert calls == [1, 1]


@behaviour("HOOK-55", source=SOURCE, level="should", profile="namespace")
def test_unknown_mode(xp, check):
    """Another mode is refused."""
    with check.raises("ValueError", "Expects mode to be one of ('all', 'any') but got foo"):
        multi(xp, (leaf(xp, 1.0),), lambda g: 0, mode="foo")


# the end of a pass


def queue(xp, callback):
    xp.autograd.Variable._execution_engine.queue_callback(callback)


@behaviour("HOOK-71", source=SOURCE, level="may", profile="namespace")
def test_final_callback(xp):
    """A callback queued in a hook runs when the pass is over."""
    x, order = leaf(xp, 2.0), []

    def hook(grad):
        queue(xp, lambda: order.append("callback"))
        order.append("hook")

    x.register_hook(hook)
    x.register_post_accumulate_grad_hook(lambda p: order.append("post"))
    (x * 1).backward()
    assert order == ["hook", "post", "callback"]


@behaviour("HOOK-72", source=SOURCE, level="may", profile="namespace")
def test_callback_outside(xp, check):
    """A callback cannot be queued outside a backward pass."""
    with check.raises("RuntimeError", "Final callbacks can only be installed during backward pass."):
        queue(xp, lambda: None)


# copies and modules


@behaviour("HOOK-63", source=SOURCE, profile="namespace")
def test_deepcopy_drops_hooks(xp, check):
    """A deep copy of a leaf has none of its hooks."""
    x = leaf(xp, 2.0)
    x.register_hook(lambda g: g * 10)
    c = copy.deepcopy(x)
    (c * 1).backward()
    check.close(c.grad, 1.0)


@behaviour("HOOK-63", source=SOURCE, level="should", profile="namespace")
def test_pickle_warns_of_hooks(xp, check):
    """Pickling a leaf with a hook warns that the hook is left behind."""
    x = leaf(xp, 2.0)
    x.register_hook(lambda g: g * 10)
    with check.warns("UserWarning", "on tensor will not be serialized"):
        pickle.dumps(x)


@behaviour("HOOK-68", source=SOURCE, profile="namespace")
def test_module_hook(xp, check):
    """A module's full backward hook sees the gradients of its inputs and of its outputs, as tuples."""
    module, seen = xp.nn.Linear(1, 1, bias=False), []
    xp.nn.init.constant_(module.weight, 3.0)
    module.register_full_backward_hook(lambda module, inputs, outputs: seen.append((inputs, outputs)))
    module(xp.tensor([[2.0]], requires_grad=True)).sum().backward()
    (((of_input,), (of_output,)),) = seen
    check.close(of_input, [[3.0]])
    check.close(of_output, [[1.0]])


@behaviour("HOOK-69", source=SOURCE, level="should", profile="namespace")
def test_module_hook_without_inputs(xp, check):
    """Where no input requires grad a module's hook sees (None,), and a warning says so."""
    module, seen = xp.nn.Linear(1, 1, bias=False), []
    module.register_full_backward_hook(lambda module, inputs, outputs: seen.append(inputs))
    with check.warns(
        "UserWarning", "Full backward hook is firing when gradients are computed with respect to module outputs"
    ):
        module(xp.ones(1, 1)).sum().backward()
    assert seen == [(None,)]
