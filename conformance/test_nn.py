"""torch.nn's layers, losses and first values, and the tools in nn.utils."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


# -- layers and losses


@behaviour("GRAPH-26", source=SOURCE, profile="namespace")
def test_what_leaves_its_input_alone(xp, check):
    """Dropout out of training and Identity give their input itself."""
    x = xp.tensor([1.0], requires_grad=True)
    y = xp.nn.functional.dropout(x, training=False)
    assert y is x
    check.none(y.grad_fn)
    assert xp.nn.Identity(1, a=2)(x) is x
    assert xp.nn.Dropout().eval()(x) is x


@behaviour("NNM-19", source=SOURCE, profile="namespace")
def test_dropout(xp, check):
    """Dropout in training zeroes some elements, scales the others, and passes the gradient to those alone."""
    x = xp.ones(1000, requires_grad=True)
    y = xp.nn.Dropout(0.25)(x)
    kept = check.array(y) != 0
    assert 650 < kept.sum() < 850
    y.sum().backward()
    check.close(y, kept / np.float32(0.75))
    check.equal(x.grad, check.array(y))
    with check.raises("ValueError", "dropout probability has to be between 0 and 1, but got 1.5"):
        xp.nn.Dropout(1.5)


@behaviour("NNM-20", source=SOURCE, profile="namespace")
def test_linear(xp, check):
    """Linear is x @ weight.T + bias, for any number of leading dimensions, and gives the parameters gradients."""
    m = xp.nn.Linear(3, 2)
    x = xp.arange(12.0).reshape(2, 2, 3)
    weight, bias = check.array(m.weight), check.array(m.bias)
    check.close(m(x), check.array(x) @ weight.T + bias, atol=1e-5, rtol=1e-5)
    m(x).sum().backward()
    check.close(m.weight.grad, [[18.0, 22.0, 26.0]] * 2)
    check.close(m.bias.grad, [4.0, 4.0])
    with check.raises("RuntimeError", "mat1 and mat2 shapes cannot be multiplied (1x2 and 3x2)"):
        m(xp.ones(1, 2))


@behaviour("NNM-21", source=SOURCE, profile="namespace")
def test_embedding(xp, check):
    """Embedding looks rows up; a row used twice gets both gradients, the padding row is 0 and gets none."""
    m = xp.nn.Embedding(4, 2, padding_idx=-1)
    assert m.padding_idx == 3
    check.equal(m.weight[3], [0.0, 0.0])
    y = m(xp.tensor([[0, 1], [1, 3]]))
    assert y.shape == (2, 2, 2)
    y.sum().backward()
    check.equal(m.weight.grad, [[1.0, 1.0], [2.0, 2.0], [0.0, 0.0], [0.0, 0.0]])


@behaviour("NNM-22", source=SOURCE, profile="namespace")
def test_layer_norm(xp, check):
    """LayerNorm brings the last dimensions to mean 0 and variance 1; its scale and shift start at 1 and 0."""
    m = xp.nn.LayerNorm(4)
    y = m(xp.tensor([[1.0, 2.0, 3.0, 4.0]]))
    check.close(y, [[-1.3416355, -0.44721183, 0.44721183, 1.3416355]])
    y.sum().backward()
    check.close(m.weight.grad, check.array(y)[0])
    check.equal(m.bias.grad, [1.0] * 4)


@behaviour("NNM-23", source=SOURCE, profile="namespace")
def test_in_place_activation(xp, check):
    """ReLU(inplace=True) writes into its input and gives it back, and the gradient is the same as without."""
    x = xp.tensor([-1.0, 2.0], requires_grad=True)
    h = x * 1
    y = xp.nn.ReLU(inplace=True)(h)
    assert y is h
    y.sum().backward()
    check.equal(x.grad, [0.0, 1.0])
    with check.raises("RuntimeError", "a leaf Variable that requires grad is being used in an in-place operation."):
        xp.nn.ReLU(inplace=True)(x)


@behaviour("NNM-24", source=SOURCE, profile="namespace")
def test_losses_hold_their_weights(xp, check):
    """A loss keeps its weight as a buffer, None included, and a reduction by its name."""
    weight = xp.tensor([1.0, 3.0])
    m = xp.nn.CrossEntropyLoss(weight=weight, reduction="sum")
    assert list(m.state_dict()) == ["weight"]
    assert list(xp.nn.NLLLoss().state_dict()) == []
    scores = xp.zeros(2, 2, requires_grad=True)
    m(scores, xp.tensor([0, 1])).backward()
    check.close(scores.grad, [[-0.5, 0.5], [1.5, -1.5]])
    with check.warns(
        "UserWarning", "size_average and reduce args will be deprecated, please use reduction='sum' instead."
    ):
        assert xp.nn.MSELoss(size_average=False).reduction == "sum"


# -- first values


@behaviour("NNM-25", source=SOURCE, level="should", profile="namespace")
def test_first_values_of_a_layer(xp, check):
    """After manual_seed(0) a Linear layer has PyTorch's weights, drawn before its biases."""
    xp.manual_seed(0)
    m = xp.nn.Linear(2, 2)
    check.close(m.weight, [[-0.00529398, 0.37932289], [-0.58198076, -0.52038747]])
    check.close(m.bias, [-0.27234524, 0.18961589])


@behaviour("NNM-26", source=SOURCE, profile="namespace")
@pytest.mark.parametrize(
    ("fill", "bound"),
    [
        (lambda init, t: init.uniform_(t, -2.0, 3.0), (-2.0, 3.0)),
        (lambda init, t: init.kaiming_uniform_(t, nonlinearity="relu"), (-((6 / 40) ** 0.5), (6 / 40) ** 0.5)),
        (lambda init, t: init.xavier_uniform_(t, gain=2.0), (-2 * (6 / 60) ** 0.5, 2 * (6 / 60) ** 0.5)),
        (lambda init, t: init.trunc_normal_(t, std=2.0, a=-1.0, b=1.0), (-1.0, 1.0)),
        (lambda init, t: init.constant_(t, 3.0), (3.0, 3.0)),
        (lambda init, t: init.zeros_(t), (0.0, 0.0)),
    ],
    ids=["uniform", "kaiming", "xavier", "trunc_normal", "constant", "zeros"],
)
def test_first_values(xp, check, fill, bound):
    """The functions of nn.init fill a tensor in place, within their bounds, without recording it, and give it back."""
    t = xp.empty(20, 40, requires_grad=True)
    assert fill(xp.nn.init, t) is t
    assert t.is_leaf
    array = check.array(t)
    assert bound[0] <= array.min() <= array.max() <= bound[1]
    assert array.max() - array.min() >= 0.9 * (bound[1] - bound[0])


@behaviour("NNM-27", source=SOURCE, level="should", profile="namespace")
@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda xp, init: init.xavier_uniform_(xp.empty(3)), "fewer than 2 dimensions"),
        (lambda xp, init: init.eye_(xp.empty(3)), "Only tensors with 2 dimensions are supported"),
        (
            lambda xp, init: init.kaiming_normal_(xp.empty(3, 3), mode="both"),
            "Mode both not supported, please use one of",
        ),
        (lambda xp, init: init.calculate_gain("bend"), "Unsupported nonlinearity bend"),
        (lambda xp, init: init.calculate_gain("leaky_relu", True), "negative_slope True not a valid number"),
    ],
)
def test_refused_first_values(xp, check, act, text):
    """nn.init refuses tensors and names that it cannot work with."""
    with check.raises("ValueError", text):
        act(xp, xp.nn.init)


# -- nn.utils


@behaviour("EX-06", source=SOURCE, profile="namespace")
def test_clip_grad_norm(xp, check):
    """clip_grad_norm_ scales gradients in place to the norm asked for, passing over None, and gives the old norm."""
    a, b = xp.nn.Parameter(xp.ones(2)), xp.nn.Parameter(xp.ones(2))
    a.grad = held = xp.tensor([3.0, 4.0])
    check.close(xp.nn.utils.clip_grad_norm_([a, b], 1.0), 5.0)
    assert a.grad is held
    check.close(held, [0.6, 0.8])
    check.none(b.grad)
    check.close(xp.nn.utils.clip_grad_norm_([a, b], 10.0, norm_type=float("inf")), 0.8)
    check.close(held, [0.6, 0.8])


@behaviour("NNM-35", source=SOURCE, level="should", profile="namespace")
def test_clip_grad_norm_of_nan(xp, check):
    """clip_grad_norm_ refuses a nan norm if asked to, and scales by it if not."""
    p = xp.nn.Parameter(xp.ones(2))
    p.grad = xp.tensor([float("nan"), 1.0])
    with check.raises("RuntimeError", "The total norm of order 2.0 for gradients from `parameters` is non-finite"):
        xp.nn.utils.clip_grad_norm_([p], 1.0, error_if_nonfinite=True)
    xp.nn.utils.clip_grad_norm_(p, 1.0)
    assert np.isnan(check.array(p.grad)).all()


@behaviour("NNM-36", source=SOURCE, profile="namespace")
def test_clip_grad_value(xp, check):
    """clip_grad_value_ brings each element of a gradient between the bounds, in place."""
    p = xp.nn.Parameter(xp.ones(3))
    p.grad = xp.tensor([-3.0, 0.5, 4.0])
    xp.nn.utils.clip_grad_value_([p], 1.0)
    check.equal(p.grad, [-1.0, 0.5, 1.0])


@behaviour("NNM-37", source=SOURCE, profile="namespace")
def test_parameters_as_a_vector(xp, check):
    """parameters_to_vector joins parameters differentiably; vector_to_parameters gives them the vector's values."""
    utils, p, q = xp.nn.utils, xp.nn.Parameter(xp.tensor([[1.0, 2.0]])), xp.nn.Parameter(xp.tensor(3.0))
    vector = utils.parameters_to_vector([p, q])
    check.equal(vector, [1.0, 2.0, 3.0])
    (vector * xp.tensor([1.0, 10.0, 100.0])).sum().backward()
    check.equal(p.grad, [[1.0, 10.0]])
    check.equal(q.grad, 100.0)
    utils.vector_to_parameters(xp.tensor([4.0, 5.0, 6.0]), [p, q])
    check.equal(p, [[4.0, 5.0]])
    check.equal(q, 6.0)
    assert p.is_leaf
