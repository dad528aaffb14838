"""In-place ops: when they are fine, when they are refused, and when backward finds out."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"
MODIFIED = "one of the variables needed for gradient computation has been modified by an inplace operation"
LEAF = "a leaf Variable that requires grad is being used in an in-place operation"


@behaviour("INP-06", source="torch 2.13.0, against the tutorial")
def test_no_warning(xp, check):
    """y.add_(1) on a result is right; the tutorial's "will generate a warning" is wrong, it is silent."""
    x = xp.tensor([1.0], requires_grad=True)
    y = x + 2
    with check.silent():
        y.add_(1)
        y.backward()
    check.equal(y, [4.0])
    check.equal(x.grad, [1.0])


IN_PLACE = {
    "add_": (lambda y: y.add_(3.0), [5.0, 7.0], [2.0, 2.0]),
    "sub_": (lambda y: y.sub_(3.0), [-1.0, 1.0], [2.0, 2.0]),
    "mul_": (lambda y: y.mul_(3.0), [6.0, 12.0], [6.0, 6.0]),
    "div_": (lambda y: y.div_(2.0), [1.0, 2.0], [1.0, 1.0]),
    "pow_": (lambda y: y.pow_(2), [4.0, 16.0], [8.0, 16.0]),
    "neg_": (lambda y: y.neg_(), [-2.0, -4.0], [-2.0, -2.0]),
    "zero_": (lambda y: y.zero_(), [0.0, 0.0], [0.0, 0.0]),
    "fill_": (lambda y: y.fill_(9.0), [9.0, 9.0], [0.0, 0.0]),
}


@behaviour("TUT-13", source="the tutorial; torch 2.13.0")
@pytest.mark.parametrize(("change", "value", "gradient"), IN_PLACE.values(), ids=IN_PLACE)
def test_result(xp, check, change, value, gradient):
    """An in-place op on a result that nobody saved is differentiated as its out-of-place twin."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x * 2
    change(y)
    check.equal(y, value)
    y.sum().backward()
    check.equal(x.grad, gradient)


UNARY = {
    "exp_": 1.6487213,
    "sin_": 0.87758256,
    "cos_": -0.47942554,
    "tanh_": 0.78644773,
    "sigmoid_": 0.23500371,
    "sqrt_": 0.70710678,
    "abs_": 1.0,
    "reciprocal_": -4.0,
    "log_": 2.0,
    "relu_": 1.0,
    "square_": 1.0,
    "floor_": 0.0,
    "sign_": 0.0,
    "rsqrt_": -1.4142136,
    "expm1_": 1.6487213,
    "log1p_": 2 / 3,
}


@behaviour("INP-25", source="torch 2.13.0; mathematics", profile="namespace")
@pytest.mark.parametrize(("name", "derivative"), UNARY.items(), ids=UNARY)
def test_unary(xp, check, name, derivative):
    """An in-place function of a result gives its derivative at the old value."""
    x = xp.tensor([0.5], requires_grad=True)
    y = x * 1
    getattr(y, name)()
    y.backward()
    check.close(x.grad, [derivative])


@behaviour("INP-61", source="the tutorial; torch 2.13.0")
@pytest.mark.parametrize(
    "change", [lambda x: x.add_(1), lambda x: x.mul_(2), lambda x: x.zero_()], ids=["add_", "mul_", "zero_"]
)
def test_leaf(xp, check, change):
    """An in-place op on a leaf that requires grad is an error, and leaves the value as it was."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    with check.raises("Exception", ""):
        change(x)
    check.equal(x, [1.0, 2.0])


def increment(x):
    x += 1


def overwrite_by_mask(x):
    x[x > 1] = 0.0


def overwrite_element(x):
    x[0] = 1.0


@behaviour("INP-02", source="the tutorial; torch 2.13.0", level="should", profile="namespace")
@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda x: x.add_(1), LEAF),
        (increment, LEAF),
        (overwrite_by_mask, LEAF),
        (lambda x: x.relu_(), LEAF),
        (overwrite_element, "a view of a leaf Variable that requires grad is being used in an in-place operation"),
        (lambda x: x[0].mul_(2), "a view of a leaf Variable that requires grad is being used in an in-place operation"),
        (
            lambda x: x.view(2).add_(1),
            "a view of a leaf Variable that requires grad is being used in an in-place operation",
        ),
    ],
    ids=["add_", "iadd", "mask", "relu_", "element", "view_of_element", "view"],
)
def test_leaf_text(xp, check, change, text):
    """The error says leaf, or view of a leaf; value and version stay as they were."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    with check.raises("RuntimeError", text):
        change(x)
    check.equal(x, [1.0, 2.0])
    assert x._version == 0


@behaviour("MODE-17", source="the tutorial; torch 2.13.0")
def test_leaf_under_no_grad(xp, check):
    """Under no_grad a leaf may be changed in place; it stays a leaf that requires grad."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    with xp.no_grad():
        x.sub_(0.5)
    check.equal(x, [0.5, 1.5])
    assert x.requires_grad
    assert x.is_leaf
    (x * x).sum().backward()
    check.equal(x.grad, [1.0, 3.0])


@behaviour("INP-07", source="the tutorial; torch 2.13.0")
def test_saved_result(xp, check):
    """exp saved its result: changing it in place is no error by itself, and one at backward."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    y.add_(1)
    loss = y.sum()
    with check.raises("Exception", ""):
        loss.backward()
    check.none(x.grad)


@behaviour("INP-62", source="torch 2.13.0")
def test_saved_input(xp, check):
    """A square saved its input: changing that in place is an error at backward."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    h = x * 1
    y = h**2
    h.add_(1)
    loss = y.sum()
    with check.raises("Exception", ""):
        loss.backward()


@behaviour("INP-08", source=SOURCE, torch=">=2.13", level="should", profile="namespace")
def test_text(xp, check):
    """The error names type, shape, producing op and versions, and hints at anomaly detection."""
    x = xp.tensor([1.0, 2.0], requires_grad=True)
    y = x.exp()
    y.add_(1)
    h = xp.tensor([1.0], dtype=xp.float64, requires_grad=True) * 1
    z = h**2
    h.mul_(2).mul_(2)
    for root, text in (
        (y, "[torch.FloatTensor [2]], which is output 0 of Exp, is at version 1; expected version 0 instead."),
        (z, "[torch.DoubleTensor [1]], which is output 0 of Mul, is at version 2; expected version 0 instead."),
    ):
        with check.raises("RuntimeError", text):
            root.sum().backward(retain_graph=True)
        with check.raises("RuntimeError", "Hint: "):
            root.sum().backward()


@behaviour("INP-10", source=SOURCE, level="should", profile="namespace")
def test_text_for_a_leaf(xp, check):
    """A saved leaf has no producing op: the text goes straight to the versions."""
    x, w = (xp.tensor([v], dtype=xp.float64, requires_grad=True) for v in (1.0, 2.0))
    y = x * w
    with xp.no_grad():
        w.add_(1)
    with check.raises("RuntimeError", "[torch.DoubleTensor [1]] is at version 1; expected version 0 instead."):
        y.backward()


@behaviour("INP-14", source=SOURCE)
def test_saved_constant(xp, check):
    """A constant factor that was saved may not change either."""
    x, c = xp.tensor([1.0, 2.0], requires_grad=True), xp.tensor([3.0, 4.0])
    loss = (x * c).sum()
    c.add_(1)
    with check.raises("Exception", ""):
        loss.backward()


@behaviour("INP-15", source=SOURCE)
def test_unsaved_constant(xp, check):
    """A constant summand was not saved and may change."""
    x, c = xp.tensor([1.0, 2.0], requires_grad=True), xp.tensor([3.0, 4.0])
    y = x + c
    c.zero_()
    y.sum().backward()
    check.equal(y, [4.0, 6.0])
    check.equal(x.grad, [1.0, 1.0])


@behaviour("INP-16", source=SOURCE, level="should", profile="namespace")
def test_saved_index_and_mask(xp, check):
    """An index tensor and a mask are saved too."""
    x, index, mask = xp.tensor([1.0, 2.0], requires_grad=True), xp.tensor([0, 1]), xp.tensor([True, False])
    indexed, masked = x[index], xp.where(mask, x, x * 2)
    index.zero_()
    mask.fill_(False)
    for root, name in ((indexed, "[torch.LongTensor [2]]"), (masked, "[CPUBoolType [2]]")):
        with check.raises("RuntimeError", f"{MODIFIED}: {name} is at version 1; expected version 0 instead."):
            root.sum().backward()


@behaviour("INP-17", source="the tutorial; torch 2.13.0")
def test_weight_updated_before_backward(xp, check):
    """A weight that was saved and then updated under no_grad is an error at backward."""
    w, x = xp.tensor([2.0], requires_grad=True), xp.tensor([3.0], requires_grad=True)
    y = w * x
    with xp.no_grad():
        w.sub_(0.1)
    with check.raises("Exception", ""):
        y.backward()


@behaviour("INP-18", source=SOURCE)
def test_result_changed_under_no_grad(xp, check):
    """A result changed under no_grad has the new value and the old gradient."""
    x = xp.tensor([1.0], requires_grad=True)
    y = x * 2
    with xp.no_grad():
        y.mul_(3)
    y.backward()
    check.equal(y, [6.0])
    check.equal(x.grad, [2.0])


@behaviour("INP-19", source=SOURCE)
def test_constant_joins_the_graph(xp, check):
    """A constant that a tensor requiring grad is added to in place joins the graph."""
    a, x = xp.tensor([0.0, 0.0]), xp.tensor([1.0, 2.0], requires_grad=True)
    a.add_(x)
    assert a.requires_grad
    assert not a.is_leaf
    (a * a).sum().backward()
    check.equal(x.grad, [2.0, 4.0])


@behaviour("INP-21", source=SOURCE, profile="namespace")
def test_copy(xp, check):
    """copy_ sends the gradient to its source, and zeros to what was there before."""
    x, z = xp.tensor([1.0], requires_grad=True), xp.tensor([5.0], requires_grad=True)
    y = x * 2
    y.copy_(z)
    y.backward()
    check.equal(x.grad, [0.0])
    check.equal(z.grad, [1.0])


@behaviour("INP-24", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    ("change", "gradient"),
    [
        (lambda y: y.add_(y), 2.0),
        (lambda y: y.sub_(y), 0.0),
        (lambda y: y.pow_(2), 4.0),
        (lambda y: y.square_(), 4.0),
        (lambda y: y.mul_(y.clone()), 4.0),
        (lambda y: y.mul_(y), None),
        (lambda y: y.div_(y), None),
        (lambda y: y.mul_(y.detach()), None),
    ],
    ids=["add_", "sub_", "pow_", "square_", "mul_clone", "mul_", "div_", "mul_detached"],
)
def test_with_itself(xp, check, change, gradient):
    """An in-place op keeps its old value where a gradient needs it, not its operand: y.mul_(y) cannot go backward."""
    x = xp.tensor([2.0], requires_grad=True)
    y = x * 1
    change(y)
    if gradient is None:
        with check.raises("RuntimeError", MODIFIED):
            y.backward()
    else:
        y.backward()
        check.equal(x.grad, [gradient])


@behaviour("INP-27", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda xp: xp.ones(1).expand(3).add_(1),
            "more than one element of the written-to tensor refers to a single memory location",
        ),
        (lambda xp: xp.ones(2).add_(xp.ones(3, 2)), "output with shape [2] doesn't match the broadcast shape [3, 2]"),
        (
            lambda xp: xp.ones(2, dtype=xp.int64).add_(1.5),
            "result type Float can't be cast to the desired output type Long",
        ),
    ],
    ids=["expanded", "too_small", "integer"],
)
def test_refused(xp, check, change, text):
    """What does not fit into the tensor is refused: stretched memory, a larger shape, a wider kind of number."""
    with check.raises("RuntimeError", text):
        change(xp)


@behaviour("INP-01", source=SOURCE, level="may", profile="namespace")
def test_version(xp):
    """The version counter goes up by one with each in-place op, through views and under no_grad too."""
    x = xp.ones(2)
    found = [x._version]
    for change in (
        lambda: x.add_(1),
        lambda: overwrite_element(x),
        lambda: x.zero_(),
        lambda: x.view(2).add_(1),
        lambda: x.detach().add_(1),
    ):
        change()
        found.append(x._version)
    assert found == [0, 1, 2, 3, 4, 5]


@behaviour("INP-39", source=SOURCE)
def test_after_backward(xp, check):
    """After backward a saved result may change."""
    x = xp.tensor([0.0], requires_grad=True)
    y = xp.exp(x)
    y.sum().backward()
    y.zero_()
    check.equal(x.grad, [1.0])


@behaviour("INP-40", source=SOURCE)
def test_versions_not_values(xp, check):
    """Changing a saved tensor and changing it back is an error all the same: versions count, not values."""
    x, c = xp.tensor([2.0], requires_grad=True), xp.tensor([1.0])
    y = x * c
    c.add_(1)
    c.sub_(1)
    with check.raises("Exception", ""):
        y.backward()


@behaviour("INP-45", source=SOURCE)
def test_augmented_assignment(xp, check):
    """y += x changes y itself; y = y + x makes a new tensor, and other names for y do not see it."""
    x = xp.tensor([1.0], requires_grad=True)
    y = x * 2
    alias = y
    y += 1
    assert alias is y
    y = y + 1
    assert alias is not y
    check.equal(alias, [3.0])
    y.backward()
    check.equal(x.grad, [2.0])


@behaviour("INP-48", source=SOURCE)
def test_earlier_use(xp, check):
    """A use of y before its in-place op, which did not save y, keeps its own gradient."""
    x = xp.tensor([2.0], requires_grad=True)
    y = x * 1
    a = y + 1
    y.mul_(10)
    (a + y).backward()
    check.equal(a, [3.0])
    check.equal(x.grad, [11.0])


@behaviour("INP-57", source=SOURCE)
def test_mask(xp, check):
    """Overwriting by a mask zeroes the gradient there."""
    x = xp.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 2
    y[xp.tensor([True, False, True])] = 0
    y.sum().backward()
    check.equal(y, [0.0, 4.0, 0.0])
    check.equal(x.grad, [0.0, 2.0, 0.0])
