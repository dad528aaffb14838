"""autograd.Function and shared memory: inputs returned or written to, views, gradients changed in place."""

import operator

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
CUSTOM_VIEW = "This view was created inside a custom Function (or because an input was returned as-is)"
SEVERAL_VIEWS = "This view is the output of a function that returns multiple views"


def make(xp, forward, backward=lambda ctx, *grads: grads[0], **members):
    """A Function called F."""
    methods = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
    return type("F", (xp.autograd.Function,), {**methods, **members})


def tripled(ctx, x):
    """A forward that triples its argument in place, and says so."""
    x.mul_(3)
    ctx.mark_dirty(x)
    return x


# inputs that are returned ---------------------------------------------------------------------------------------------


@behaviour("FN-39", source=SOURCE, profile="namespace")
def test_returned_input(xp, check):
    """An input that is returned as it is comes out as a new tensor of the same memory, with the Function's history."""
    x = xp.tensor([1.0], requires_grad=True)
    y = make(xp, lambda ctx, x: x, lambda ctx, grad: grad * 7).apply(x)
    assert y is not x
    assert y.data_ptr() == x.data_ptr()
    assert not y.is_leaf
    y.backward()
    check.equal(x.grad, [7.0])


@behaviour("FN-39", source=SOURCE, profile="namespace")
def test_returned_input_is_a_view(xp):
    """The new tensor for a returned input is a view of it, even where nothing is recorded."""
    function = make(xp, lambda ctx, x: x)
    for x in (xp.tensor([1.0], requires_grad=True), xp.tensor([1.0])):
        y = function.apply(x)
        assert y is not x
        assert y._is_view()
        assert y._base is x


@behaviour("FN-97", source=SOURCE, profile="namespace")
def test_returned_input_under_no_grad(xp):
    """Under no_grad a returned input that requires grad comes out detached."""
    x = xp.tensor([1.0], requires_grad=True)
    with xp.no_grad():
        y = make(xp, lambda ctx, x: x).apply(x)
    assert y is not x
    assert x.requires_grad
    assert not y.requires_grad


@behaviour("FN-98", source=SOURCE, profile="namespace")
def test_returned_input_marked_non_differentiable(xp):
    """A returned input that is marked non-differentiable comes out detached, and the input keeps its own history."""

    def forward(ctx, x):
        ctx.mark_non_differentiable(x)
        return x

    x = xp.tensor([1.0], requires_grad=True)
    y = make(xp, forward).apply(x)
    assert not y.requires_grad
    assert x.requires_grad


@behaviour("FN-40", source="torch 2.13.0, against the belief that gradients go by position", profile="namespace")
def test_same_output_twice(xp, check):
    """A tensor that is returned twice is one tensor: all of its gradient arrives at the last position, zeros before."""

    def forward(ctx, x):
        y = x * 1
        return y, y

    x = xp.tensor([1.0], requires_grad=True)
    a, b = make(xp, forward, lambda ctx, first, second: first + second * 10).apply(x)
    assert a is b
    (a + b).backward()
    check.equal(x.grad, [20.0])


@behaviour("FN-99", source=SOURCE, profile="namespace")
def test_same_input_returned_twice(xp, check):
    """An input that is returned twice comes out as two tensors, each with its own gradient."""
    x = xp.tensor([1.0], requires_grad=True)
    a, b = make(xp, lambda ctx, x: (x, x), lambda ctx, first, second: first + second * 10).apply(x)
    assert a is not b
    (a + 3 * b).backward()
    check.equal(x.grad, [31.0])


# views ----------------------------------------------------------------------------------------------------------------


@behaviour("FN-100", source=SOURCE, profile="namespace")
def test_returned_view(xp, check):
    """A view of an input that forward returns is differentiated by the Function's backward."""
    x = xp.ones(2, 1, requires_grad=True)
    y = make(xp, lambda ctx, x: x.view(-1), lambda ctx, grad: (grad * 7).view(2, 1)).apply(x)
    y.sum().backward()
    assert y._base is x
    check.equal(x.grad, [[7.0], [7.0]])


@behaviour("VIEW-25", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize("base", [lambda x: x, lambda x: x * 1], ids=["of the input", "of a new tensor"])
def test_write_into_a_returned_view(xp, check, base):
    """A view that forward returned must not be written to: the write would go past the custom backward."""
    y = make(xp, lambda ctx, x: base(x).view(-1)).apply(xp.ones(2, 2, requires_grad=True) * 1)
    with check.raises("RuntimeError", f"Output 0 of F is a view and is being modified inplace. {CUSTOM_VIEW}"):
        y.mul_(2)


@behaviour("VIEW-26", source=SOURCE, level="should", profile="namespace")
def test_write_into_a_returned_input(xp, check):
    """An input that was returned as it is must not be written to through the result."""
    y = make(xp, lambda ctx, x: x).apply(xp.ones(2, requires_grad=True) * 1)
    with check.raises("RuntimeError", f"Output 0 of F is a view and is being modified inplace. {CUSTOM_VIEW}"):
        y.mul_(2)


@behaviour("ISS-01", source="torch 2.13.0; pytorch#31258, pytorch#26546", profile="namespace")
def test_refused_write_changes_nothing(xp, check):
    """After a refused write into a returned view, the custom backward is still the one that is called."""
    x = xp.ones(2, 1, requires_grad=True)
    y = make(xp, lambda ctx, x: (x * 1).view(-1), lambda ctx, grad: (grad * 7).view(2, 1)).apply(x)
    with check.raises("RuntimeError", CUSTOM_VIEW):
        y.mul_(2)
    y.sum().backward()
    check.equal(x.grad, [[7.0], [7.0]])


@behaviour("FN-101", source=SOURCE, level="should", profile="namespace")
def test_write_into_the_base(xp, check):
    """After a write into its base, a view that forward returned cannot be used any more."""
    h = xp.ones(2, 1, requires_grad=True) * 1
    y = make(xp, lambda ctx, x: x.view(-1)).apply(h)
    h.mul_(2)
    with check.raises("RuntimeError", f"its base or another view of its base has been modified inplace. {CUSTOM_VIEW}"):
        y * 2


@behaviour("FN-102", source=SOURCE, level="should", profile="namespace")
def test_write_into_one_of_several_views(xp, check):
    """Where a Function has several differentiable outputs, a view among them counts as one of several views."""
    x = xp.ones(2, 1, requires_grad=True) * 1
    view, other = make(xp, lambda ctx, x: (x.view(-1), x * 2)).apply(x)
    with check.raises("RuntimeError", SEVERAL_VIEWS):
        view.mul_(2)
    other.mul_(2)
    check.equal(other, [[4.0], [4.0]])


@behaviour("FN-103", source=SOURCE, level="should", profile="namespace")
def test_view_under_no_grad(xp, check):
    """A view that forward returned under no_grad must not be written to with grad mode on."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    with xp.no_grad():
        y = make(xp, lambda ctx, x: x.view(-1)).apply(x)
    with check.raises(
        "RuntimeError", "A view was created in no_grad mode and is being modified inplace with grad mode"
    ):
        y.mul_(2)


@behaviour("FN-104", source=SOURCE, profile="namespace")
def test_view_of_a_constant(xp, check):
    """A returned view of a tensor that does not require grad can be written to."""
    x = xp.ones(2)
    y = make(xp, lambda ctx, x: x.view(-1)).apply(x)
    y.mul_(2)
    check.equal(x, [2.0, 2.0])


# inputs that are written to -------------------------------------------------------------------------------------------


@behaviour("FN-33", source=SOURCE, profile="namespace")
def test_mark_dirty(xp, check):
    """An input that was marked dirty comes out as itself, and the Function becomes its history."""
    x = xp.tensor([2.0], requires_grad=True)
    h = x * 1
    y = make(xp, tripled, lambda ctx, grad: grad * 100).apply(h)
    assert y is h
    assert h.grad_fn.name() == "FBackward"
    h.backward()
    check.equal(h, [6.0])
    check.equal(x.grad, [100.0])


@behaviour("ISS-28", source="torch 2.13.0; pytorch#90209", profile="namespace")
def test_mark_dirty_without_grad(xp):
    """An input that was marked dirty comes out as itself where it does not require grad, too."""
    x = xp.tensor([1.0])
    assert make(xp, tripled).apply(x) is x
    assert not x.requires_grad


@behaviour("FN-105", source=SOURCE, profile="namespace")
def test_mark_dirty_turns_on_requires_grad(xp, check):
    """An input that did not require grad does so once a Function has written another's history into it."""

    def forward(ctx, x, w):
        x.mul_(w)
        ctx.mark_dirty(x)
        return x

    x, w = xp.ones(2), xp.tensor(3.0, requires_grad=True)
    make(xp, forward, lambda ctx, grad: (grad, grad.sum())).apply(x, w)
    assert x.requires_grad
    x.sum().backward()
    check.equal(w.grad, 2.0)


@behaviour("FN-106", source=SOURCE, level="may", profile="namespace")
def test_mark_dirty_counts(xp):
    """mark_dirty counts as a write, beside those that forward makes."""
    h = xp.tensor([1.0], requires_grad=True) * 1
    make(xp, tripled).apply(h)
    assert h._version == 2


@behaviour("FN-107", source=SOURCE, profile="namespace")
def test_mark_dirty_second_output(xp, check):
    """A dirty input may be any of several outputs."""

    def forward(ctx, x):
        x.mul_(3)
        ctx.mark_dirty(x)
        return x.exp(), x

    x = xp.tensor([1.0], requires_grad=True)
    h = x * 1
    a, b = make(xp, forward, lambda ctx, first, second: first * 100 + second).apply(h)
    assert b is h
    assert h.output_nr == 1
    (a * 0 + b * 2).backward()
    check.equal(x.grad, [2.0])


@behaviour("FN-108", source=SOURCE, profile="namespace")
def test_mark_dirty_through_a_view(xp, check):
    """A Function that writes into a view changes the base's history too."""
    x = xp.tensor([1.0, 2.0, 3.0], requires_grad=True)
    h = x * 1
    view = h[:2]
    assert make(xp, tripled, lambda ctx, grad: grad * 100).apply(view) is view
    h.sum().backward()
    check.equal(h, [3.0, 6.0, 3.0])
    check.equal(x.grad, [100.0, 100.0, 1.0])


@behaviour("FN-38", source=SOURCE, level="should", profile="namespace")
def test_mark_dirty_view_among_several(xp, check):
    """A Function that writes into a view must not return anything else."""

    def forward(ctx, x):
        return tripled(ctx, x), 5

    h = xp.tensor([1.0, 2.0], requires_grad=True) * 1
    with check.raises("RuntimeError", "your Function cannot return more than one Tensor"):
        make(xp, forward).apply(h[:1])


@behaviour("FN-109", source=SOURCE, level="should", profile="namespace")
def test_retain_grad_of_a_dirty_input(xp, check):
    """retain_grad follows a dirty input to its new history; its hooks stay with the old one."""
    seen = []
    x = xp.tensor([1.0], requires_grad=True)
    h = x * 1
    h.retain_grad()
    h.register_hook(lambda grad: seen.append(grad.item()))
    make(xp, tripled, lambda ctx, grad: grad * 3).apply(h)
    h.backward()
    check.equal(h.grad, [1.0])
    assert seen == [3.0]


@behaviour("FN-34", source=SOURCE, level="should", profile="namespace")
def test_mark_dirty_leaf(xp, check):
    """A leaf that requires grad must not be marked dirty; the values are changed by then."""
    x = xp.tensor([1.0], requires_grad=True)
    with check.raises("RuntimeError", "a leaf Variable that requires grad has been used in an in-place operation."):
        make(xp, tripled).apply(x)
    check.equal(x, [3.0])


@behaviour("FN-110", source=SOURCE, level="should", profile="namespace")
def test_mark_dirty_view_of_a_leaf(xp, check):
    """Nor must a view of such a leaf."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    with check.raises(
        "RuntimeError", "a view of a leaf Variable that requires grad is being used in an in-place operation."
    ):
        make(xp, tripled).apply(x[:1])


@behaviour("FN-35", source=SOURCE, level="should", profile="namespace")
def test_mark_dirty_not_returned(xp, check):
    """An input that was marked dirty must be returned."""

    def forward(ctx, x):
        return tripled(ctx, x) * 1

    with check.raises(
        "RuntimeError", "Some elements marked as dirty during the forward method were not returned as output"
    ):
        make(xp, forward).apply(xp.tensor([1.0], requires_grad=True) * 1)


@behaviour("FN-36", source=SOURCE, level="should", profile="namespace")
def test_mark_dirty_no_input(xp, check):
    """To mark a tensor dirty that is no input warns."""
    with check.warns("UserWarning", "ctx.mark_dirty() received a tensor that was not an input"):
        y = make(xp, lambda ctx, x: tripled(ctx, x.clone())).apply(xp.tensor([1.0], requires_grad=True))
    assert y.requires_grad


@behaviour("FN-37", source=SOURCE, level="may", profile="namespace")
def test_write_without_mark_dirty(xp, check):
    """An input that is written to and returned without mark_dirty keeps its old history; the output is a new tensor."""

    x = xp.tensor([1.0], requires_grad=True)
    h = x * 1
    y = make(xp, lambda ctx, x: x.mul_(2), lambda ctx, grad: grad * 2).apply(h)
    assert y is not h
    assert h.grad_fn.name() == "MulBackward0"
    assert h._version == 1
    y.backward()
    check.equal(x.grad, [2.0])


@behaviour("ISS-29", source="torch 2.13.0; pytorch#5871, pytorch#30454", profile="namespace")
def test_write_through_a_view_without_mark_dirty(xp, check):
    """Both inputs of a Function that writes one into a slice of the other get their gradients, mark_dirty or not."""

    def forward(ctx, a, b):
        a[1:2] += b
        return a

    a, b = xp.tensor([1.0, 1.0], requires_grad=True), xp.tensor([1.0], requires_grad=True)
    make(xp, forward, lambda ctx, grad: (grad, grad[1:2])).apply(a + 1, b).sum().backward()
    check.equal(a.grad, [1.0, 1.0])
    check.equal(b.grad, [1.0])


@behaviour("FN-75", source=SOURCE, profile="namespace")
def test_save_a_dirty_input(xp, check):
    """An input can be saved after it was written to."""

    def forward(ctx, x):
        x.exp_()
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    x = xp.tensor(0.0, requires_grad=True)
    make(xp, forward, lambda ctx, grad: grad * ctx.saved_tensors[0]).apply(x * 1).backward()
    check.equal(x.grad, 1.0)


# gradients that are written to ----------------------------------------------------------------------------------------


@behaviour("FN-62", source="torch 2.13.0; pytorch#81417, pytorch#178315", level="may", profile="namespace")
@pytest.mark.parametrize(
    "change", [lambda grad: grad.mul_(10), lambda grad: operator.iadd(grad, 9)], ids=["mul_", "+="]
)
def test_gradient_changed_in_place(xp, check, change):
    """A backward that changes its gradient in place changes what its siblings get, and the caller's own tensor."""
    function = make(xp, lambda ctx, x: x * 1, lambda ctx, grad: change(grad))
    x, z = xp.tensor([1.0, 2.0], requires_grad=True), xp.tensor([1.0, 2.0], requires_grad=True)
    grad = xp.ones(2)
    (z * 1 + function.apply(x)).backward(grad)
    check.equal(x.grad, [10.0, 10.0])
    check.equal(z.grad, [10.0, 10.0])
    check.equal(grad, [10.0, 10.0])


@behaviour("FN-112", source=SOURCE, profile="namespace")
def test_expanded_gradient_changed_in_place(xp, check):
    """An expanded gradient cannot be changed in place."""
    function = make(xp, lambda ctx, x: x * 1, lambda ctx, grad: grad.mul_(10))
    y = function.apply(xp.tensor([1.0, 2.0], requires_grad=True)).sum()
    with check.raises(
        "RuntimeError", "more than one element of the written-to tensor refers to a single memory location"
    ):
        y.backward()
