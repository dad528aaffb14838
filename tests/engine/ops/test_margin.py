"""Losses with a margin, side by side with PyTorch and against finite differences."""

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes, difference, leaves, scalar, slope

RNG = np.random.default_rng(22)


def normal(*shape, dtype="float64", requires_grad=True):
    return Array(RNG.normal(size=shape), dtype, requires_grad=requires_grad)


def constant(*content, dtype="float64"):
    return Array(np.array(content), dtype, requires_grad=False)


def number(content, dtype="int64"):
    return Array(np.array(content), dtype, requires_grad=False)


def call(name, *args, **kwargs):
    """The loss, its node out of sight: where PyTorch adds numbers in C++ its nodes have other names."""
    return lambda xp, *tensors: getattr(xp.nn.functional, name)(*tensors, *args, **kwargs) * 1 * 1


def weighted(name, **kwargs):
    return lambda xp, x, y, w: getattr(xp.nn.functional, name)(x, y, weight=w, **kwargs)


X, Y = normal(3, 4), normal(3, 4)
SIGNS = constant(1.0, -1.0, 1.0)
CLASSES = constant(0, 3, 1, dtype="int64")
LABELS = Array(np.array([[0, 2, -1, 1], [3, -1, 0, 0], [0, 1, 2, 3]]), "int64")
BITS = constant([1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0], [1.0, 1.0, 1.0, 1.0])
LOSSES = [
    ("soft_margin_loss", (X, BITS), {}),
    ("margin_ranking_loss", (normal(3), normal(3), SIGNS), {"margin": 0.5}),
    ("hinge_embedding_loss", (normal(3), SIGNS), {"margin": 0.7}),
    ("cosine_embedding_loss", (X, Y, SIGNS), {"margin": 0.1}),
    ("cosine_embedding_loss", (normal(4), normal(4), constant(-1.0, dtype="float64")), {}),
    ("multilabel_soft_margin_loss", (X, BITS), {}),
    ("triplet_margin_loss", (X, Y, normal(3, 4)), {}),
    ("triplet_margin_loss", (X, Y, normal(3, 4)), {"p": 1, "swap": True, "margin": 2.0}),
    ("triplet_margin_with_distance_loss", (X, Y, normal(3, 4)), {"swap": True}),
]
LOSSES[4] = ("cosine_embedding_loss", (normal(4), normal(4), number(-1.0, "float64")), {})
# of these torch has no second derivative by the scores
OF_CLASSES = [
    ("multi_margin_loss", (X, CLASSES), {}),
    ("multi_margin_loss", (X, CLASSES), {"p": 2, "margin": 0.5}),
    ("multi_margin_loss", (normal(4), number(2)), {}),
    ("multilabel_margin_loss", (X, LABELS), {}),
    ("multilabel_margin_loss", (normal(4), constant(1, 3, -1, 0, dtype="int64")), {}),
]
CASES = [
    *(
        Case(f"{name}-{i}-{reduction}", call(name, **kwargs, reduction=reduction), inputs)
        for i, (name, inputs, kwargs) in enumerate(LOSSES)
        for reduction in ("mean", "sum", "none")
    ),
    *(
        Case(f"{name}-{i}-{reduction}", call(name, **kwargs, reduction=reduction), inputs, 1)
        for i, (name, inputs, kwargs) in enumerate(OF_CLASSES)
        for reduction in ("mean", "sum", "none")
    ),
    Case("multi-weight", weighted("multi_margin_loss", p=2), (X, CLASSES, constant(1.0, 2.0, 0.5, 3.0)), 1),
    Case("soft-weight", weighted("multilabel_soft_margin_loss"), (X, BITS, constant(1.0, 2.0, 0.5, 3.0))),
    Case("soft-target", call("soft_margin_loss"), (X, Y)),
    Case("soft-shapes", call("soft_margin_loss"), (X, constant(1.0, 2.0, 3.0))),
    Case("soft-one", call("soft_margin_loss"), (X, constant(1.0))),
    Case("soft-wider", call("soft_margin_loss", reduction="none"), (Array(np.array(2.0)), constant(1.0, -1.0))),
    Case("ranking-dims", call("margin_ranking_loss"), (normal(3), normal(3, 1), SIGNS)),
    Case("ranking-shapes", call("margin_ranking_loss"), (normal(3), normal(4), SIGNS)),
    Case("hinge-shapes", call("hinge_embedding_loss"), (normal(4), SIGNS)),
    Case("reduction", call("soft_margin_loss", reduction="some"), (X, BITS)),
    Case("soft-reduction", call("multilabel_soft_margin_loss", reduction="some"), (X, BITS)),
    Case("multi-range", call("multi_margin_loss"), (X, constant(0, 4, 1, dtype="int64"))),
    Case("multi-count", call("multi_margin_loss"), (X, constant(0, 1, dtype="int64"))),
    Case("multi-power", call("multi_margin_loss", 3), (X, CLASSES)),
    Case("multi-weights", weighted("multi_margin_loss"), (X, CLASSES, constant(1.0, 2.0))),
    Case("multi-weight of rows", weighted("multi_margin_loss"), (X, CLASSES, BITS)),
    Case("multi-dims", call("multi_margin_loss"), (normal(2, 3, 4), CLASSES)),
    Case("multi-floats", call("multi_margin_loss"), (X, SIGNS)),
    Case("labels-shape", call("multilabel_margin_loss"), (X, CLASSES)),
    Case("labels-range", call("multilabel_margin_loss"), (normal(2), constant(2, -1, dtype="int64"))),
    Case("labels-floats", call("multilabel_margin_loss"), (X, BITS)),
    Case("cosine-dims", call("cosine_embedding_loss"), (normal(2, 3, 4), normal(2, 3, 4), SIGNS)),
    Case("triplet-margin", call("triplet_margin_loss", margin=0), (X, Y, X)),
    Case("triplet-dims", call("triplet_margin_loss"), (X, normal(4), X)),
    Case("triplet-distance margin", call("triplet_margin_with_distance_loss", margin=-1.0), (X, Y, X)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_margin_losses_as_in_pytorch(case):
    """A loss with a margin gives PyTorch's value, gradients and error."""
    check(refgrad, pytest.importorskip("torch"), case)


def scored(i, losses):
    """A loss as a function of what moves in it, and the numbers it moves from."""
    name, inputs, kwargs = losses[i]
    moving = [x for x in inputs if x.requires_grad and x.dtype == "float64"]
    still = [refgrad.from_numpy(np.array(x.values)) for x in inputs[len(moving) :]]
    return lambda *tensors: getattr(F, name)(*tensors, *still, **kwargs), [x.values for x in moving]


@pytest.mark.parametrize("i", range(len(LOSSES)))
def test_gradients_are_slopes(i):
    """The gradients are the slopes that finite differences measure, in both orders."""
    check_slopes(*scored(i, LOSSES))


@pytest.mark.parametrize("i", range(len(OF_CLASSES)))
def test_gradients_of_classes_are_slopes(i):
    """The gradient is the slope that finite differences measure; as in PyTorch it has no derivative of its own."""
    call, arrays = scored(i, OF_CLASSES)
    tensors = leaves(arrays)
    first = slope(call, tensors)
    assert first.item() == pytest.approx(difference(scalar, call, arrays), rel=1e-6, abs=1e-8)
    with pytest.raises(RuntimeError, match=r"derivative for aten::multi(_margin|label_margin)_loss_backward is not"):
        refgrad.autograd.grad(first, tensors)


def test_a_node_of_its_own():
    """Losses that PyTorch computes in one piece are one node."""
    x = refgrad.ones(1, 3, requires_grad=True)
    assert F.multi_margin_loss(x, refgrad.tensor([1])).grad_fn.name() == "MultiMarginLossBackward0"
    assert F.multilabel_margin_loss(x, refgrad.tensor([[1, -1, 0]])).grad_fn.name() == "MultilabelMarginLossBackward0"
    assert F.soft_margin_loss(x, refgrad.ones(1, 3)).grad_fn.name() == "SoftMarginLossBackward0"
