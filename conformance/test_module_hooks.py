"""Hooks of modules: around forward, and in the backward pass."""

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


@behaviour("HOOK-68", source=SOURCE, profile="namespace")
def test_full_backward_hook(xp, check):
    """A full backward hook sees the gradients of the module's inputs and outputs, as tuples."""
    m, seen = xp.nn.Linear(1, 1, bias=False), []
    xp.nn.init.constant_(m.weight, 3.0)
    m.register_full_backward_hook(
        lambda module, grad_input, grad_output: seen.append((module, grad_input, grad_output))
    )
    m(xp.tensor([[2.0]], requires_grad=True)).sum().backward()
    ((module, (grad_input,), (grad_output,)),) = seen
    assert module is m
    check.equal(grad_input, [[3.0]])
    check.equal(grad_output, [[1.0]])
    check.equal(m.weight.grad, [[2.0]])


@behaviour("HOOK-69", source=SOURCE, profile="namespace")
def test_full_backward_hook_without_inputs(xp, check):
    """Where no input requires grad, a full backward hook sees None for it, and a warning says so."""
    m, seen = xp.nn.Linear(1, 1, bias=False), []
    m.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append(grad_input))
    with check.warns(
        "UserWarning", "Full backward hook is firing when gradients are computed with respect to module outputs"
    ):
        m(xp.ones(1, 1)).sum().backward()
    assert seen == [(None,)]


@behaviour("NNM-28", source=SOURCE, profile="namespace")
def test_full_backward_hook_that_replaces(xp, check):
    """A full backward hook may replace the gradients of the inputs, a pre-hook those of the outputs."""
    x = xp.tensor([1.0], requires_grad=True)
    m = xp.nn.Linear(1, 1)
    handle = m.register_full_backward_hook(lambda module, grad_input, grad_output: (grad_input[0] * 0 + 7,))
    m.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 2,))
    m(x).sum().backward()
    check.equal(x.grad, [7.0])
    check.equal(m.bias.grad, [2.0])
    handle.remove()
    x.grad = None
    m(x).sum().backward()
    check.close(x.grad, 2 * check.array(m.weight)[0])


@behaviour("NNM-29", source=SOURCE, level="should", profile="namespace")
def test_full_backward_hook_with_another_number(xp, check):
    """A full backward hook that gives another number of gradients is refused."""
    m = xp.nn.Linear(1, 1)
    m.register_full_backward_hook(lambda module, grad_input, grad_output: (None, None))
    with check.raises("RuntimeError", "Backward hook returned an invalid number of grad_input, got 2, but expected 1"):
        m(xp.ones(1, requires_grad=True)).sum().backward()


@behaviour("NNM-30", source=SOURCE, level="should", profile="namespace")
def test_in_place_behind_a_full_backward_hook(xp, check):
    """The result of a module with a full backward hook cannot be written to."""
    m = xp.nn.Linear(1, 1)
    m.register_full_backward_hook(lambda module, grad_input, grad_output: None)
    y = m(xp.ones(1, requires_grad=True))
    with check.raises("RuntimeError", "Output 0 of BackwardHookFunction is a view and is being modified inplace."):
        y.add_(1)


@behaviour("NNM-31", source=SOURCE, profile="namespace")
def test_several_inputs_and_outputs(xp, check):
    """A full backward hook gets None in the place of what is no tensor, zeros for an input that no gradient reached."""

    class Pair(xp.nn.Module):
        def forward(self, a, b, c):
            return a * c, b.detach(), "text"

    m, seen = Pair(), []
    m.register_full_backward_hook(lambda module, grad_input, grad_output: seen.append((grad_input, grad_output)))
    a, b = (xp.tensor([1.0], requires_grad=True) for _ in range(2))
    m(a, b, 3.0)[0].sum().backward()
    (((of_a, of_b, of_c), (of_first, of_second, of_text)),) = seen
    check.equal(of_a, [3.0])
    check.equal(of_b, [0.0])
    check.none(of_c)
    check.equal(of_first, [1.0])
    check.none(of_second)
    check.none(of_text)


@behaviour("NNM-32", source=SOURCE, profile="namespace")
def test_forward_hooks(xp, check):
    """Forward hooks run in order: pre-hooks may replace the arguments, hooks the result; a removed one runs no more."""
    m, seen = xp.nn.Identity(), []
    m.register_forward_pre_hook(lambda module, args: seen.append("pre") or (args[0] + 1,))
    m.register_forward_hook(lambda module, args, result: seen.append("after") or result * 10)
    first = m.register_forward_hook(lambda module, args, result: seen.append("first"), prepend=True)
    check.equal(m(xp.ones(1)), [20.0])
    assert seen == ["pre", "first", "after"]
    first.remove()
    m(xp.ones(1))
    assert seen[3:] == ["pre", "after"]


@behaviour("NNM-33", source=SOURCE, profile="namespace")
def test_forward_hooks_with_keywords(xp, check):
    """Forward hooks may ask for keyword arguments, and replace them; one with always_call runs after an error too."""
    m = xp.nn.Linear(1, 1)
    seen = []
    m.register_forward_pre_hook(lambda module, args, kwargs: ((), {"input": kwargs["input"] * 0}), with_kwargs=True)
    m.register_forward_hook(lambda module, args, kwargs, result: seen.append(sorted(kwargs)), with_kwargs=True)
    check.equal(m(input=xp.ones(1)), check.array(m.bias))
    assert seen == [["input"]]
    m.register_forward_hook(lambda module, args, result: seen.append(result), always_call=True)
    with check.raises("RuntimeError", "shapes cannot be multiplied"):
        m(input=xp.ones(1, 5))
    assert seen == [["input"], None]


@behaviour("NNM-34", source=SOURCE, profile="namespace")
def test_hooks_for_all_modules(xp):
    """A hook registered for all modules runs for each until it is removed."""
    seen = []
    register = xp.nn.modules.module.register_module_forward_hook
    handle = register(lambda module, args, result: seen.append(type(module).__name__))
    try:
        xp.nn.Sequential(xp.nn.ReLU(), xp.nn.Tanh())(xp.ones(1))
    finally:
        handle.remove()
    xp.nn.ReLU()(xp.ones(1))
    assert seen == ["ReLU", "Tanh", "Sequential"]
