"""Hooks around forward and in the backward pass, side by side with PyTorch."""

import pytest

from tests.nn.twins import agree, refuse


def linear(xp):
    xp.manual_seed(0)
    return xp.nn.Linear(2, 1)


def leaf(xp):
    return xp.tensor([[1.0, 2.0]], requires_grad=True)


def kept(grads):
    """Gradients as a hook saw them."""
    return [None if g is None else g.detach().clone() for g in grads]


FORWARD = {
    "order": lambda m, seen: [m.register_forward_hook(lambda *a, i=i: seen.append(i)) for i in range(3)],
    "prepended": lambda m, seen: [
        m.register_forward_hook(lambda *a, i=i: seen.append(i), prepend=i == 1) for i in range(3)
    ],
    "arguments": lambda m, seen: m.register_forward_pre_hook(lambda module, args: args[0] * 2),
    "argument tuple": lambda m, seen: m.register_forward_pre_hook(lambda module, args: (args[0] * 2,)),
    "result": lambda m, seen: m.register_forward_hook(lambda module, args, result: result * 2),
    "chain": lambda m, seen: [m.register_forward_hook(lambda module, args, result: result * 2) for _ in range(2)],
    "keywords": lambda m, seen: m.register_forward_pre_hook(
        lambda module, args, kwargs: ((), {"input": args[0] * 3}), with_kwargs=True
    ),
    "keywords seen": lambda m, seen: m.register_forward_hook(
        lambda module, args, kwargs, result: seen.append((len(args), kwargs)), with_kwargs=True
    ),
    "removed": lambda m, seen: m.register_forward_hook(lambda *a: seen.append(1)).remove(),
}


@pytest.mark.parametrize("name", list(FORWARD))
def test_forward(name):
    """Forward hooks run in PyTorch's order, and replace what PyTorch's replace."""

    def scene(xp):
        m, seen, x = linear(xp), [], leaf(xp)
        FORWARD[name](m, seen)
        y = m(x)
        y.sum().backward()
        return y, x.grad, seen

    agree(scene)


def test_always_called():
    """A hook registered as always_call runs after an error too, if it has not run yet; its own error is a warning."""

    def scene(xp):
        m, seen = linear(xp), []
        m.register_forward_hook(lambda *a: seen.append("usual"))
        m.register_forward_hook(lambda *a: seen.append("always"), always_call=True)
        m.register_forward_hook(lambda *a: 1 / 0, always_call=True)
        try:
            m(xp.ones(5))
        except RuntimeError as error:
            seen.append(str(error))
        return seen

    agree(scene)


def test_pair_that_is_none():
    """A pre-hook with keywords must give a pair."""

    def scene(xp):
        m = linear(xp)
        m.register_forward_pre_hook(lambda module, args, kwargs: 3, with_kwargs=True)
        return m(leaf(xp))

    refuse(scene)


BACKWARD = {
    "seen": lambda m, seen: m.register_full_backward_hook(lambda module, gi, go: seen.append((kept(gi), kept(go)))),
    "input replaced": lambda m, seen: m.register_full_backward_hook(lambda module, gi, go: (gi[0] * 0 + 5,)),
    "output replaced": lambda m, seen: m.register_full_backward_pre_hook(lambda module, go: (go[0] * 3,)),
    "two": lambda m, seen: [m.register_full_backward_hook(lambda module, gi, go: (gi[0] * 2,)) for _ in range(2)],
    "both": lambda m, seen: [
        m.register_full_backward_pre_hook(lambda module, go: (go[0] * 3,)),
        m.register_full_backward_hook(lambda module, gi, go: seen.append((kept(gi), kept(go)))),
    ],
    "prepended": lambda m, seen: [
        m.register_full_backward_hook(lambda *a, i=i: seen.append(i), prepend=i == 1) for i in range(3)
    ],
    "removed": lambda m, seen: m.register_full_backward_hook(lambda *a: seen.append(1)).remove(),
}


@pytest.mark.parametrize("name", list(BACKWARD))
def test_backward(name):
    """Full backward hooks see PyTorch's gradients, and replace what PyTorch's replace."""

    def scene(xp):
        m, seen, x = linear(xp), [], leaf(xp)
        BACKWARD[name](m, seen)
        y = m(x * 1)
        y.sum().backward()
        return y, x.grad, m.weight.grad, m.bias.grad, seen

    agree(scene)


def test_order_among_hooks():
    """The hooks of result, weight, module and input run in PyTorch's order."""

    def scene(xp):
        m, x, seen = linear(xp), leaf(xp), []
        m.register_full_backward_pre_hook(lambda *a: seen.append("before the module"))
        m.register_full_backward_hook(lambda *a: seen.append("after the module"))
        m.weight.register_hook(lambda g: seen.append("weight"))
        x.register_hook(lambda g: seen.append("input"))
        y = m(x)
        y.register_hook(lambda g: seen.append("result"))
        y.sum().backward()
        return seen

    agree(scene)


def pair(xp):
    """A module of several arguments and results, some of which are no tensors or take no part."""
    return type("Pair", (xp.nn.Module,), {"forward": lambda self, a, b, c: (a * c, b.detach(), None, a + 1)})()


@pytest.mark.parametrize("used", [(0,), (3,), (0, 3)], ids=str)
def test_several(used):
    """Places of what is no tensor hold None; a tensor that no gradient reached has zeros."""

    def scene(xp):
        m, seen = pair(xp), []
        m.register_full_backward_hook(lambda module, gi, go: seen.append((kept(gi), kept(go))))
        a, b = leaf(xp), leaf(xp)
        results = m(a, b, 3.0)
        sum(results[i].sum() for i in used).backward()
        return seen, a.grad, b.grad

    agree(scene)


def test_input_without_gradient():
    """A tensor that requires no grad stays so on its way into a hooked module."""

    def scene(xp):
        m, seen = pair(xp), []
        m.register_full_backward_hook(lambda module, gi, go: seen.append((kept(gi), kept(go))))
        a = leaf(xp)
        results = m(a, xp.ones(1, dtype=xp.int64), 3.0)
        results[0].sum().backward()
        return seen, [getattr(r, "requires_grad", None) for r in results]

    agree(scene)


def test_no_input_wants_a_gradient():
    """Where no input requires grad, the hooks run on the outputs' gradients alone, with a warning."""

    def scene(xp):
        m, seen = linear(xp), []
        m.register_full_backward_hook(lambda module, gi, go: seen.append((gi, kept(go))))
        m(xp.ones(1, 2)).sum().backward()
        return seen, m.weight.grad

    agree(scene)


def test_second_order():
    """Under create_graph the hooks see gradients with a history, and run again in the second pass."""

    def scene(xp):
        m, seen, x = linear(xp), [], leaf(xp)
        m.register_full_backward_hook(lambda module, gi, go: seen.append((gi[0].requires_grad, kept(gi), kept(go))))
        (grad,) = xp.autograd.grad(m(x).pow(3).sum(), x, create_graph=True)
        grad.sum().backward()
        return seen, x.grad, m.weight.grad

    agree(scene)


def test_without_gradients():
    """Under no_grad a hooked module is as any other."""

    def scene(xp):
        m, seen = linear(xp), []
        m.register_full_backward_hook(lambda *a: seen.append(1))
        with xp.no_grad():
            return m(leaf(xp)), seen

    agree(scene)


def test_dictionary_as_result():
    """A result that is no tensor or tuple is warned of, and its hooks do not run."""

    def scene(xp):
        m, seen = type("Dict", (xp.nn.Module,), {"forward": lambda self, a: {"a": a * 2}})(), []
        m.register_full_backward_hook(lambda *a: seen.append(1))
        x = leaf(xp)
        m(x)["a"].sum().backward()
        return seen, x.grad

    agree(scene)


@pytest.mark.parametrize(
    "hook",
    [
        lambda m: m.register_full_backward_hook(lambda module, gi, go: (None, None)),
        lambda m: m.register_full_backward_hook(lambda module, gi, go: (1,)),
        lambda m: m.register_full_backward_pre_hook(lambda module, go: (None, None)),
        lambda m: m.register_full_backward_pre_hook(lambda module, go: 3),
    ],
)
def test_refused_gradients(hook):
    """What a hook may not return is refused in PyTorch's words."""

    def scene(xp):
        m = linear(xp)
        hook(m)
        m(leaf(xp)).sum().backward()

    refuse(scene)


def test_refused_without_inputs():
    """A hook of a module without inputs that want gradients must not return any."""

    def scene(xp):
        m = linear(xp)
        m.register_full_backward_hook(lambda module, gi, go: (go[0],))
        m(xp.ones(1, 2)).sum().backward()

    refuse(scene)


@pytest.mark.parametrize(
    "write",
    [lambda xp, m: m(leaf(xp)).add_(1), lambda xp, m: xp.nn.Sequential(m, xp.nn.ReLU(inplace=True))(leaf(xp))],
    ids=["add_", "relu"],
)
def test_result_is_read_only(write):
    """The result of a hooked module cannot be written to."""

    def scene(xp):
        m = linear(xp)
        m.register_full_backward_hook(lambda *a: None)
        write(xp, m)

    refuse(scene)


def test_everywhere():
    """Hooks for all modules run before a module's own, for children before their parents, until they are removed."""

    def scene(xp):
        seen = []
        module = xp.nn.modules.module
        handles = [
            module.register_module_forward_pre_hook(lambda m, args: seen.append(("pre", type(m).__name__))),
            module.register_module_forward_hook(lambda m, args, result: seen.append(("forward", type(m).__name__))),
            module.register_module_full_backward_pre_hook(lambda m, go: seen.append(("back pre", type(m).__name__))),
            module.register_module_full_backward_hook(lambda m, gi, go: seen.append(("back", type(m).__name__))),
        ]
        try:
            m = xp.nn.Sequential(linear(xp), xp.nn.ReLU())
            m.register_forward_hook(lambda *a: seen.append("own"))
            m(leaf(xp)).sum().backward()
        finally:
            for handle in handles:
                handle.remove()
        m(leaf(xp))
        return seen

    agree(scene)
