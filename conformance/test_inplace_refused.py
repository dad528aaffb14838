"""In-place writes that are refused, those that only backward refuses, and those that nobody notices."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
LEAF = "a leaf Variable that requires grad is being used in an in-place operation."
VIEW_OF_LEAF = "a view of a leaf Variable that requires grad is being used in an in-place operation."
MULTIPLE = "This view is the output of a function that returns multiple views."
MODIFIED = "has been modified by an inplace operation"
CUSTOM = "This view was created inside a custom Function (or because an input was returned as-is)"


def leaf(xp, *values):
    return xp.tensor(list(values), requires_grad=True)


def augmented(x):
    x += 1


def one_element(x):
    x[0] = 1


def masked(x):
    x[x > 1] = 0.0


@behaviour("INP-03", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    ("write", "text"),
    [(augmented, LEAF), (one_element, VIEW_OF_LEAF), (masked, LEAF)],
    ids=["augmented", "element", "mask"],
)
def test_leaf(xp, check, write, text):
    """Writing into a leaf that requires grad is refused, through an assignment to its elements too."""
    x = leaf(xp, 1.0, 2.0)
    with check.raises("RuntimeError", text):
        write(x)


@behaviour("INP-05", source=SOURCE, level="may", profile="namespace")
def test_refused_before_the_write(xp, check):
    """A refused write changes neither the value nor the version."""
    x = leaf(xp, 1.0)
    with check.raises("RuntimeError", LEAF):
        x.add_(1)
    check.close(x, [1.0])
    assert x._version == 0


@behaviour("INP-28", source=SOURCE, level="should", profile="namespace")
def test_larger_result(xp, check):
    """A result that broadcasts to more than the tensor's own shape is refused."""
    with check.raises("RuntimeError", "output with shape [2] doesn't match the broadcast shape [3, 2]"):
        xp.ones(2).add_(xp.ones(3, 2))


@behaviour("INP-29", source=SOURCE, level="should", profile="namespace")
def test_other_kind(xp, check):
    """A floating result is not written into an integer tensor."""
    with check.raises("RuntimeError", "result type Float can't be cast to the desired output type Long"):
        xp.ones(2, dtype=xp.int64).add_(leaf(xp, 1.0, 2.0))


# out=


@behaviour("INP-31", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("name", ["add", "mul", "maximum"])
def test_out_is_not_recorded(xp, check, name):
    """out= is refused where an argument requires grad, for it cannot be recorded."""
    x = leaf(xp, 1.0)
    with check.raises(
        "RuntimeError", f"{name}(): functions with out=... arguments don't support automatic differentiation"
    ):
        getattr(xp, name)(x, xp.ones(1), out=xp.empty(1))


@behaviour("MODE-22", source=SOURCE, profile="namespace")
def test_out_in_no_grad(xp, check):
    """In no_grad a result may be put into a tensor that is there already."""
    x, result = leaf(xp, 1.0), xp.empty(1)
    with xp.no_grad():
        assert xp.add(x, x, out=result) is result
    check.close(result, [2.0])


@behaviour("INP-33", source=SOURCE, profile="namespace")
def test_out_is_a_write(xp, check):
    """Putting a result into a tensor that a graph has saved is an error in backward."""
    c, x = xp.ones(1), leaf(xp, 2.0)
    y = x * c
    xp.add(xp.ones(1), 1, out=c)
    with check.raises("RuntimeError", MODIFIED):
        y.backward()


# versions


@behaviour("INP-36", source=SOURCE, level="may", profile="namespace")
def test_increment_version(xp, check):
    """increment_version counts a write by hand, and backward refuses the tensor as if it had been written to."""
    c, x = xp.ones(1), leaf(xp, 2.0)
    y = x * c
    xp.autograd.graph.increment_version(c)
    with check.raises("RuntimeError", MODIFIED):
        y.backward()


@behaviour("INP-37", source=SOURCE, level="may", profile="namespace")
def test_preserved_version(xp, check):
    """_unsafe_preserve_version_counter hides a write from backward, which then uses the new value."""
    c, x = xp.ones(1), leaf(xp, 2.0)
    y = x * c
    with xp.autograd._unsafe_preserve_version_counter(c):
        c.add_(9)
    y.backward()
    assert c._version == 0
    check.close(x.grad, [10.0])


@behaviour("INP-43", source=SOURCE, level="should", profile="namespace")
def test_written_twice(xp, check):
    """The error names the last op that wrote, and counts both writes."""
    h = leaf(xp, 2.0, 3.0).exp()
    y = h**2
    h.relu_()
    h.add_(1)
    with check.raises("RuntimeError", "which is output 0 of Add, is at version 2; expected version 0 instead."):
        y.sum().backward()


VERSIONS = {
    "add_": (lambda xp, t: t.add_(1), 1),
    "zero_": (lambda xp, t: t.zero_(), 1),
    "fill_": (lambda xp, t: t.fill_(1), 1),
    "copy_": (lambda xp, t: t.copy_(xp.ones(2)), 1),
    "setitem": (lambda xp, t: t.__setitem__(0, 1.0), 1),
    "setitem_mask": (lambda xp, t: t.__setitem__(t > 0, 1.0), 1),
    "normal_": (lambda xp, t: t.normal_(), 1),
    "bernoulli_": (lambda xp, t: t.bernoulli_(), 1),
    "requires_grad_": (lambda xp, t: t.requires_grad_(), 0),
    "detach_": (lambda xp, t: t.detach_(), 0),
    "t_": (lambda xp, t: t.t_(), 1),
    "unsqueeze_": (lambda xp, t: t.unsqueeze_(0), 1),
    "squeeze_": (lambda xp, t: t.squeeze_(), 1),
    "data.add_": (lambda xp, t: t.data.add_(1), 0),
    "detach().add_": (lambda xp, t: t.detach().add_(1), 1),
    "view.add_": (lambda xp, t: t.view(2).add_(1), 1),
    "numpy": (lambda xp, t: t.numpy().__iadd__(1), 0),
    "data=": (lambda xp, t: setattr(t, "data", xp.ones(2)), 0),
    "+=": (lambda xp, t: t.__iadd__(1), 1),
    "no_elements": (lambda xp, t: t[:0].add_(1), 1),
    "index_put_": (lambda xp, t: t.index_put_((xp.tensor([0]),), xp.tensor(1.0)), 1),
    "clamp_": (lambda xp, t: t.clamp_(0, 1), 1),
    "masked_fill_": (lambda xp, t: t.masked_fill_(t > 0, 1), 1),
    "resize_same": (lambda xp, t: t.resize_(2), 0),
    "resize_": (lambda xp, t: t.resize_(4), 1),
    "set_": (lambda xp, t: t.set_(xp.ones(3)), 1),
    "out=": (lambda xp, t: xp.add(xp.ones(2), 1, out=t), 1),
}


@behaviour("INP-34", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize("name", VERSIONS)
def test_which_writes_count(xp, name):
    """A write counts once, whatever its way; changes of flags, and writes through .data or NumPy, do not."""
    write, expected = VERSIONS[name]
    t = xp.ones(2)
    write(xp, t)
    assert t._version == expected


# writes that nothing refuses


@behaviour("INP-46", source=SOURCE, profile="namespace")
def test_detached_sees_the_write(xp, check):
    """A detached tensor shares memory: a later write into the original changes it too."""
    y = leaf(xp, 1.0) * 2
    z = y.detach()
    y.add_(5)
    check.close(z, [7.0])


@behaviour("INP-56", source=SOURCE)
def test_write_into_what_was_not_saved(xp, check):
    """Writing into an operand of a sum does no harm: a sum saves nothing."""
    c, x = xp.tensor([1.0, 1.0]), leaf(xp, 1.0, 2.0)
    y = x + c
    c.zero_()
    y.sum().backward()
    check.close(y, [2.0, 3.0])
    check.close(x.grad, [1.0, 1.0])


@behaviour("VIEW-21", source=SOURCE, profile="namespace")
def test_write_through_a_detached_view(xp, check):
    """Writing through a detached view changes values, and no gradient."""
    x = leaf(xp, 1.0, 2.0)
    y = x * 1
    y.detach()[0] = 9
    y.sum().backward()
    check.close(y, [9.0, 2.0])
    check.close(x.grad, [1.0, 1.0])


@behaviour("DET-18", source=SOURCE, level="may", profile="namespace")
def test_new_data_of_a_non_leaf(xp, check):
    """Setting .data of a computed tensor keeps its history; later ops use the new values."""
    x = leaf(xp, 2.0)
    y = x * 2
    y.data = xp.tensor([100.0])
    (y * y).backward()
    check.close(x.grad, [400.0])


# views


@behaviour("VIEW-11", source=SOURCE, level="should", profile="namespace")
def test_rows_of_a_loop(xp, check):
    """Writing into the rows that a loop over a tensor gives is refused: they are outputs of unbind."""
    y = xp.ones(2, 2, requires_grad=True) * 1
    with check.raises("RuntimeError", MULTIPLE):
        for row in y:
            row.mul_(2)


@behaviour("VIEW-43", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("split", [lambda y: y.unbind()[0], lambda y: y.chunk(1)[0]], ids=["unbind", "chunk"])
def test_only_output(xp, check, split):
    """The only output of an op that returns several views is as restricted as one of many."""
    with check.raises("RuntimeError", MULTIPLE):
        split(leaf(xp, 1.0) * 1).mul_(2)


@behaviour("VIEW-16", source=SOURCE, level="should", profile="namespace")
def test_view_of_a_leaf_from_no_grad(xp, check):
    """Writing, in grad mode, through a view of a leaf that was made in no_grad is refused."""
    x = leaf(xp, 1.0, 2.0)
    with xp.no_grad():
        v = x[0]
    with check.raises(
        "RuntimeError", "A view was created in no_grad mode and is being modified inplace with grad mode enabled."
    ):
        v.mul_(2)


@behaviour("VIEW-23", source=SOURCE, level="should", profile="namespace")
def test_expanded(xp, check):
    """Writing into an expanded tensor is refused: its elements share memory."""
    with check.raises(
        "RuntimeError", "more than one element of the written-to tensor refers to a single memory location."
    ):
        (leaf(xp, 1.0) * 1).expand(3).mul_(2)


@behaviour("VIEW-25", source=SOURCE, level="should", profile="namespace")
def test_view_from_a_function(xp, check):
    """Writing into a view of its input that a custom Function returned is refused."""

    class View(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view(-1)

        @staticmethod
        def backward(ctx, grad):
            return grad.view(2, 2)

    y = View.apply(xp.ones(2, 2, requires_grad=True) * 1)
    with check.raises("RuntimeError", CUSTOM):
        y.mul_(2)


@behaviour("VIEW-26", source=SOURCE, level="should", profile="namespace")
def test_input_from_a_function(xp, check):
    """Writing into an input that a custom Function returned as it was is refused."""

    class Same(xp.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, grad):
            return grad

    y = Same.apply(xp.ones(2, requires_grad=True) * 1)
    with check.raises("RuntimeError", CUSTOM):
        y.mul_(2)


@behaviour("VIEW-24", source=SOURCE, profile="namespace")
def test_overlapping_window(xp, check):
    """The gradient of an as_strided window that overlaps itself adds up over the shared elements."""
    x = leaf(xp, 1.0, 2.0, 3.0)
    x.as_strided((2, 2), (1, 1)).sum().backward()
    check.close(x.grad, [1.0, 2.0, 1.0])


@behaviour("VIEW-34", source=SOURCE, profile="namespace")
def test_view_in_another_dtype(xp):
    """A view in another dtype is cut off from the graph."""
    v = (leaf(xp, 1.0) * 1).view(xp.int32)
    assert not v.requires_grad
    assert v.grad_fn is None


@behaviour("VIEW-41", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(
    ("change", "shape"),
    [(lambda y: y[0].unsqueeze_(0), (1, 2)), (lambda y: y.t_(), (2, 2))],
    ids=["unsqueeze_", "t_"],
)
def test_shape_in_place(xp, check, change, shape):
    """The shape of a view, and of a base, may be changed in place."""
    check.shape(change(xp.ones(2, 2, requires_grad=True) * 1), shape)


@behaviour("VIEW-42", source=SOURCE, level="should", profile="namespace")
def test_base_of_a_written_view(xp, check):
    """Writing something that requires grad through a view makes its base a computed tensor, which cannot be switched "
    "off."""
    base = xp.zeros(2)
    v = base[0]
    v.add_(leaf(xp, 1.0).sum())
    assert not base.is_leaf
    with check.raises("RuntimeError", "you can only change requires_grad flags of leaf variables."):
        base.requires_grad_(False)


@behaviour("VIEW-44", source=SOURCE, profile="namespace")
def test_matrix_transpose(xp, check):
    """The gradient through .mT is transposed back."""
    x = xp.ones(2, 3, requires_grad=True)
    (x.mT * xp.arange(6.0).view(3, 2)).sum().backward()
    check.close(x.grad, [[0.0, 2.0, 4.0], [1.0, 3.0, 5.0]])
