"""Saved-tensor hooks: what is packed, when it is unpacked, and what the hooks may do to it."""

import threading

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


def hooks(xp, pack, unpack):
    return xp.autograd.graph.saved_tensors_hooks(pack, unpack)


def leaf(xp, *values):
    return xp.tensor(list(values), requires_grad=True)


def noting(calls, word, *, then=lambda tensor: tensor):
    """A hook that notes its call."""

    def hook(value):
        calls.append(word)
        return then(value)

    return hook


SAVED = {
    "x * x": (lambda xp, x: x * x, 2),
    "x + 1": (lambda xp, x: x + 1, 0),
    "x.exp()": (lambda xp, x: x.exp(), 1),
    "x * 2": (lambda xp, x: x * 2, 0),
    "x / 2": (lambda xp, x: x / 2, 0),
    "x ** 2": (lambda xp, x: x**2, 1),
    "x ** 2.5": (lambda xp, x: x**2.5, 1),
    "x.sum()": (lambda xp, x: x.sum(), 0),
    "x * constant": (lambda xp, x: x * xp.ones(2), 1),
    "x.sigmoid()": (lambda xp, x: x.sigmoid(), 1),
    "x / y": (lambda xp, x: x / (x * 1), 2),
    "x.view(2)": (lambda xp, x: x.view(2), 0),
    "x[index]": (lambda xp, x: x[xp.tensor([0])], 1),
}


@behaviour("SH-01", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("name", SAVED)
def test_once_per_saved_tensor(xp, name):
    """pack is called once for each tensor that an op saves, unpack once for each use in backward."""
    function, expected = SAVED[name]
    calls, x = [], leaf(xp, 1.0, 2.0)
    with hooks(xp, noting(calls, "pack"), noting(calls, "unpack")):
        y = function(xp, x)
    y.sum().backward()
    assert (calls.count("pack"), calls.count("unpack")) == (expected, expected)


@behaviour("SH-18", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("function", [lambda x: x * 2, lambda x: x / 2], ids=["mul", "div"])
def test_numbers_are_not_packed(xp, function):
    """A Python number that an op saves goes through no hook."""
    calls = []
    with hooks(xp, noting(calls, "pack"), noting(calls, "unpack")):
        y = function(leaf(xp, 1.0))
    y.backward()
    assert calls == []


@behaviour("SH-02", source=SOURCE, level="should", profile="namespace")
def test_unpack_gives_a_tensor(xp, check):
    """pack may return anything; unpack must give a tensor."""
    x = leaf(xp, 1.0)
    with hooks(xp, lambda tensor: "anything", lambda packed: 5):
        y = x * x
    with check.raises(
        "TypeError", "Output of saved tensor unpack_hook expected to be a Tensor but got result of type int"
    ):
        y.backward()


@behaviour("SH-03", source=SOURCE, profile="namespace")
def test_only_what_is_recorded(xp):
    """Nothing is packed for ops that are not recorded."""
    calls = []
    with hooks(xp, noting(calls, "pack"), lambda tensor: tensor):
        assert not (xp.ones(2) * xp.ones(2)).requires_grad
        with xp.no_grad():
            leaf(xp, 1.0).exp()
    assert calls == []


@behaviour("SH-04", source=SOURCE, profile="namespace")
def test_innermost_only(xp):
    """Of nested hooks only the innermost pair is used; after its block the outer one again."""
    calls, x = [], leaf(xp, 1.0)
    with hooks(xp, noting(calls, "outer"), lambda tensor: tensor):
        with hooks(xp, noting(calls, "inner"), lambda tensor: tensor):
            y = x.exp()
        y.exp()
    assert calls == ["inner", "outer"]


@behaviour("SH-05", source=SOURCE, level="may", profile="namespace")
def test_unpacked_at_each_read(xp):
    """unpack runs at each read of a node's saved tensor and in backward, after the block too."""
    calls, x = [], leaf(xp, 1.0)
    with hooks(xp, lambda tensor: tensor, noting(calls, "unpack")):
        y = x.exp()
    assert y.grad_fn._saved_result is not None
    assert y.grad_fn._saved_result is not None
    y.backward()
    assert calls == ["unpack"] * 3


@behaviour("SH-06", source=SOURCE, level="should", profile="namespace")
def test_pack_does_not_write(xp, check):
    """A pack hook that writes into its argument is an error."""
    x = leaf(xp, 1.0)
    with (
        hooks(xp, lambda tensor: tensor.mul_(2), lambda tensor: tensor),
        check.raises("RuntimeError", "A saved tensor pack hook is modifying its input in place."),
    ):
        (x * 1).exp()


@behaviour("SH-07", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(("copies", "expected"), [(False, 2.0), (True, 1.0)], ids=["identity", "clone"])
def test_no_version_check(xp, check, copies, expected):
    """What hooks have packed is not checked for later writes: identity hooks let a changed value through, in "
    "silence."""
    w, h = leaf(xp, 5.0), leaf(xp, 1.0) * 1
    with hooks(xp, lambda tensor: tensor.clone() if copies else tensor, lambda tensor: tensor):
        y = h * w
    h.add_(1)
    y.backward()
    check.close(w.grad, [expected])


@behaviour("SH-09", source=SOURCE, profile="namespace")
def test_save_on_cpu(xp, check):
    """save_on_cpu changes no gradient."""
    x = leaf(xp, 1.0)
    with xp.autograd.graph.save_on_cpu():
        y = x.exp()
    y.backward()
    check.close(x.grad, [2.7182817])


@behaviour("SH-10", source=SOURCE, profile="namespace")
def test_changed_values(xp, check):
    """The gradient is computed from what unpack gives, whatever was saved."""
    x = leaf(xp, 3.0)
    with hooks(xp, lambda tensor: tensor, lambda tensor: tensor * 2):
        y = x * x
    y.backward()
    check.close(x.grad, [12.0])


@behaviour("SH-10", source=SOURCE, profile="namespace")
def test_double_backward(xp, check):
    """An unpacked tensor has the place in the graph that the saved one had: a second derivative goes through it."""
    x = leaf(xp, 2.0)
    with hooks(xp, lambda tensor: tensor, lambda tensor: tensor.detach()):
        y = (x * 1) ** 3
    (first,) = xp.autograd.grad(y, x, create_graph=True)
    check.close(first, [12.0])
    check.close(xp.autograd.grad(first, x)[0], [12.0])


@behaviour("SH-11", source=SOURCE, profile="namespace")
def test_hooks_on_one(xp, check):
    """register_hooks packs one saved tensor, at once."""
    x = leaf(xp, 3.0)
    y = x * x
    y.grad_fn._raw_saved_self.register_hooks(lambda tensor: tensor * 1, lambda tensor: tensor * 10)
    y.backward()
    check.close(x.grad, [33.0])


@behaviour("SH-11", source=SOURCE, level="should", profile="namespace")
def test_one_pair_on_one(xp, check):
    """A second pair of hooks on one saved tensor is refused."""
    x = leaf(xp, 3.0)
    y = x * x
    saved = y.grad_fn._raw_saved_self
    saved.register_hooks(lambda tensor: tensor, lambda tensor: tensor)
    with check.raises("RuntimeError", "Calling register_hooks on a saved tensor whose hooks have already been set"):
        saved.register_hooks(lambda tensor: tensor, lambda tensor: tensor)


@behaviour("SH-12", source=SOURCE, level="should", profile="namespace")
def test_hooks_are_callables(xp, check):
    """Hooks that cannot be called are refused."""
    y = leaf(xp, 3.0) * xp.ones(1)
    with check.raises("TypeError", "register_hooks(): incompatible function arguments"):
        y.grad_fn._raw_saved_other.register_hooks(1, 2)


@behaviour("GRAPH-16", source=SOURCE, level="should", profile="namespace")
def test_hooks_after_freeing(xp, check):
    """Hooks on a saved tensor that backward has freed are refused."""
    x = leaf(xp, 3.0)
    y = x * x
    saved = y.grad_fn._raw_saved_self
    assert type(saved).__name__ == "SavedTensor"
    y.backward()
    with check.raises("RuntimeError", "Calling register_hooks on a saved tensor after it has been freed"):
        saved.register_hooks(lambda tensor: tensor, lambda tensor: tensor)


@behaviour("SH-14", source=SOURCE, profile="namespace")
def test_custom_function(xp):
    """What a custom Function saves with save_for_backward goes through the hooks; its ctx attributes do not."""

    class Product(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            ctx.other = x * 3
            return x * 1

        @staticmethod
        def backward(ctx, grad):
            return grad * ctx.saved_tensors[0]

    calls, x = [], leaf(xp, 3.0)
    with hooks(xp, noting(calls, "pack"), noting(calls, "unpack")):
        y = Product.apply(x)
    y.backward()
    assert calls == ["pack", "unpack"]


@behaviour("SH-16", source=SOURCE, profile="namespace")
def test_per_thread(xp):
    """Hooks hold for the thread that set them."""
    calls = []
    with hooks(xp, noting(calls, "pack"), lambda tensor: tensor):
        thread = threading.Thread(target=lambda: leaf(xp, 1.0).exp())
        thread.start()
        thread.join()
    assert calls == []


@behaviour("SH-17", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(
    ("unpack", "expected"),
    [(lambda tensor: tensor.double(), [2.0, 4.0]), (lambda tensor: tensor[:1], [2.0, 2.0])],
    ids=["dtype", "shape"],
)
def test_unpacked_is_not_checked(xp, check, unpack, expected):
    """Another dtype or shape out of unpack is not refused: the gradient is computed as if it had been saved."""
    x = leaf(xp, 1.0, 2.0)
    with hooks(xp, lambda tensor: tensor, unpack):
        y = x * x
    y.sum().backward()
    check.close(x.grad, expected)


@behaviour("ISS-22", source="pytorch#128611; torch 2.13.0", level="may", profile="namespace")
def test_versions_are_not_shared(xp):
    """Where hooks put another tensor in the place of a saved one, writing to it is not counted as writing to that."""
    x, seen = leaf(xp, 1.0), []
    other = x.detach().clone()

    class Write(xp.autograd.Function):
        @staticmethod
        def forward(ctx, input):
            ctx.save_for_backward(input)
            return input.sin()

        @staticmethod
        def backward(ctx, grad):
            (saved,) = ctx.saved_tensors
            before = x._version
            saved.add_(1)
            seen.append(x._version - before)
            return grad

    with hooks(xp, lambda tensor: other, lambda tensor: tensor):
        y = Write.apply(x)
    y.backward()
    assert seen == [0]


@behaviour("SH-07", source=SOURCE, level="should", profile="namespace")
def test_disabled(xp, check):
    """disable_saved_tensors_hooks refuses the hooks inside, with the message that it was given."""
    graph = xp.autograd.graph
    with graph.disable_saved_tensors_hooks("not here"), check.raises("RuntimeError", "not here"), graph.save_on_cpu():
        pass


@behaviour("INP-38", source=SOURCE, profile="namespace")
def test_allow_mutation(xp, check):
    """Inside allow_mutation_on_saved_tensors a saved tensor may be written to: backward uses the old value."""
    x = leaf(xp, 2.0)
    with xp.autograd.graph.allow_mutation_on_saved_tensors():
        h = x * 1
        y = h**2
        h.mul_(10)
        y.backward()
    check.close(x.grad, [4.0])


@behaviour("INP-38", source=SOURCE, profile="namespace")
def test_allow_mutation_through_a_view(xp, check):
    """A write through another view of a saved tensor's memory counts too."""
    x = leaf(xp, 1.0, 2.0)
    with xp.autograd.graph.allow_mutation_on_saved_tensors():
        h = x * 1
        y = (h[:1] ** 2).sum()
        h.mul_(3)
        y.backward()
    check.close(x.grad, [2.0, 0.0])
