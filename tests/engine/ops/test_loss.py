"""Losses, side by side with PyTorch."""

import math

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional
from tests.engine.live import attempt, live
from tests.engine.ops.parity import Array, Case, check

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(7)


def normal(*shape, dtype="float64", requires_grad=True):
    return Array(RNG.normal(size=shape), dtype, requires_grad=requires_grad)


def uniform(*shape, dtype="float64", requires_grad=True):
    return Array(RNG.uniform(0.1, 0.9, size=shape), dtype, requires_grad=requires_grad)


def constant(values, dtype="float64"):
    return Array(np.array(values), dtype, requires_grad=False)


def classes(values, dtype="int64"):
    return Array(np.array(values), dtype)


def functional(name, **kwargs):
    return lambda xp, *tensors: getattr(xp.nn.functional, name)(*tensors, **kwargs)


def with_weight(name, keyword, **kwargs):
    return lambda xp, x, y, w: getattr(xp.nn.functional, name)(x, y, **{keyword: w}, **kwargs)


PAIRS = {
    "matrix": (normal(2, 3), normal(2, 3)),
    "single": (normal(2, 3, dtype="float32"), normal(2, 3, dtype="float32")),
    "half": (normal(2, 3, dtype="float16"), normal(2, 3, dtype="float16")),
    "mixed": (normal(2, 3, dtype="float32"), normal(2, 3)),
    "constant": (normal(2, 3), normal(2, 3, requires_grad=False)),
    "number": (normal(), normal()),
    "empty": (Array(np.zeros((0, 3))), Array(np.zeros((0, 3)))),
    "kinks": (Array(np.array([0.0, 1.0, -1.0, 0.5, -0.5, 3.0])), Array(np.zeros(6))),
    "integers": (classes([1, 2]), classes([0, 4])),
}
DISTANCES = [
    # of mixed types torch computes the second derivatives in the narrow one
    Case(
        f"{name}-{reduction}-{label}-{i}",
        functional(name, reduction=reduction, **kwargs),
        x,
        1 if label == "mixed" else 2,
    )
    for name, variants in {
        "mse_loss": [{}],
        "l1_loss": [{}],
        "smooth_l1_loss": [{}, {"beta": 0.5}, {"beta": 0.0}],
        "huber_loss": [{}, {"delta": 0.5}],
    }.items()
    for i, kwargs in enumerate(variants)
    for reduction in ("mean", "sum", "none")
    for label, x in PAIRS.items()
    # of mixed types torch has a Huber loss, but no gradient
    if (name, label) != ("huber_loss", "mixed")
    and not (name == "l1_loss" and label == "integers" and reduction != "mean")
] + [
    Case(
        f"{name}-weight-{reduction}",
        with_weight(name, "weight", reduction=reduction),
        (*PAIRS["matrix"], uniform(2, 3)),
    )
    for name in ("mse_loss", "l1_loss", "huber_loss")
    for reduction in ("mean", "sum", "none")
]
DISTANCE_ERRORS = [
    *(
        Case(f"{n}-reduction", functional(n, reduction="some"), PAIRS["matrix"])
        for n in ("mse_loss", "l1_loss", "smooth_l1_loss")
    ),
    Case("beta", functional("smooth_l1_loss", beta=-1.0), PAIRS["matrix"]),
    Case("delta", functional("huber_loss", delta=0.0), PAIRS["matrix"]),
    Case("weight", with_weight("mse_loss", "weight"), (*PAIRS["matrix"], normal(3))),
]

WEIGHT = constant([0.5, 1.0, 2.0])
SCORES = {
    "rows": (normal(2, 3), classes([0, 2])),
    "single": (normal(2, 3, dtype="float32"), classes([0, 2])),
    "half": (normal(2, 3, dtype="float16"), classes([0, 2])),
    "bytes": (normal(2, 3), classes([0, 2], "uint8")),
    "one": (normal(3), classes(1)),
    "one in a row": (normal(3), classes([1])),
    "line": (normal(2, 3, 4), classes(RNG.integers(0, 3, (2, 4)))),
    "plane": (normal(2, 3, 2, 2), classes(RNG.integers(0, 3, (2, 2, 2)))),
    "space": (normal(2, 3, 2, 1, 2), classes(RNG.integers(0, 3, (2, 2, 1, 2)))),
    "some ignored": (normal(3, 3), classes([0, -100, 2])),
    "all ignored": (normal(2, 3), classes([-100, -100])),
    "no rows": (Array(np.zeros((0, 3))), classes(np.zeros(0))),
}
CLASSES = (
    [
        # torch's own gradient of one row with a target of one dimension fails
        Case(
            f"{name}-{reduction}-{label}", functional(name, reduction=reduction), x, 0 if label == "one in a row" else 2
        )
        for name in ("nll_loss", "cross_entropy")
        for reduction in ("mean", "sum", "none")
        for label, x in SCORES.items()
    ]
    + [
        Case(
            f"{name}-weight-{reduction}-{label}",
            with_weight(name, "weight", reduction=reduction),
            (*SCORES[label], WEIGHT),
        )
        for name in ("nll_loss", "cross_entropy")
        for reduction in ("mean", "sum", "none")
        for label in ("rows", "plane", "some ignored")
    ]
    + [
        Case(
            f"smoothing-{reduction}-{label}",
            functional("cross_entropy", reduction=reduction, label_smoothing=0.1),
            SCORES[label],
        )
        for reduction in ("mean", "sum", "none")
        for label in ("rows", "one", "plane", "some ignored", "all ignored")
    ]
    + [
        Case(
            f"smoothing-weight-{reduction}",
            with_weight("cross_entropy", "weight", reduction=reduction, label_smoothing=0.1),
            (*SCORES["some ignored"], WEIGHT),
        )
        for reduction in ("mean", "sum", "none")
    ]
    + [
        Case(
            f"probabilities-{reduction}-{smoothing}-{i}",
            functional("cross_entropy", reduction=reduction, label_smoothing=smoothing),
            x,
        )
        for reduction in ("mean", "sum", "none")
        for smoothing in (0.0, 0.1)
        for i, x in enumerate(
            [
                (normal(2, 3), uniform(2, 3)),
                (normal(3), uniform(3)),
                (normal(2, 3, 2), uniform(2, 3, 2)),
                (normal(2, 3), uniform(2, 3, dtype="float32")),
            ]
        )
    ]
    + [
        Case(
            f"probabilities-weight-{reduction}",
            with_weight("cross_entropy", "weight", reduction=reduction),
            (normal(2, 3), uniform(2, 3), WEIGHT),
        )
        for reduction in ("mean", "sum", "none")
    ]
)
CLASS_ERRORS = [
    Case(f"class-error-{i}", call, x)
    for i, (call, x) in enumerate(
        [
            (functional("nll_loss"), (normal(2, 3), classes(0))),
            (functional("cross_entropy"), (normal(1, 3), classes(0))),
            (functional("nll_loss"), (normal(2, 3), classes([0, 3]))),
            (functional("nll_loss"), (normal(2, 3), classes([0, -1]))),
            (functional("nll_loss"), (normal(2, 3), classes([0, 1, 2]))),
            (functional("nll_loss"), (normal(2, 3), classes([0, 1], "int32"))),
            (functional("nll_loss"), (normal(2, 3), constant([0.0, 1.0]))),
            (functional("nll_loss"), (normal(2, 3), normal(2, 3))),
            (functional("nll_loss"), (normal(3), classes([0, 1]))),
            (functional("nll_loss"), (normal(3), classes([[0]]))),
            (functional("nll_loss"), (normal(), classes(0))),
            (functional("nll_loss"), (normal(2, 3, 4), classes(np.zeros((2, 5))))),
            (functional("nll_loss"), (normal(2, 3, 4), classes(np.zeros(2)))),
            (functional("nll_loss"), (normal(2, 3, 4, 5), classes(np.zeros((2, 4, 6))))),
            (functional("nll_loss"), (normal(2, 3, 4, 5), classes(np.full((2, 4, 5), 7)))),
            (functional("nll_loss"), (classes([[1, 2]]), classes([1]))),
            (with_weight("nll_loss", "weight"), (normal(2, 3), classes([0, 1]), constant([1.0, 1.0]))),
            (with_weight("nll_loss", "weight"), (normal(2, 3), classes([0, 1]), normal(3))),
            (with_weight("nll_loss", "weight"), (normal(2, 3), classes([0, 1]), constant([1.0] * 3, "float32"))),
            (functional("cross_entropy"), (normal(2, 3), classes([0, 5]))),
            (functional("cross_entropy"), (normal(2, 3), classes([[0, 1, 0], [1, 0, 0]]))),
            (functional("cross_entropy"), (normal(2, 3), normal(2, 2))),
            (functional("cross_entropy"), (classes([[1, 2]]), classes([1]))),
            (functional("cross_entropy"), (normal(), classes(0))),
            (functional("cross_entropy", ignore_index=1), (normal(2, 3), uniform(2, 3))),
            (functional("cross_entropy", label_smoothing=2.0), (normal(2, 3), classes([0, 1]))),
            (functional("cross_entropy", reduction="some"), (normal(2, 3), classes([0, 1]))),
            (with_weight("cross_entropy", "weight"), (normal(2, 3), uniform(2, 3), constant([1.0, 1.0]))),
        ]
    )
]

BINARY = (
    [
        Case(f"bce-{reduction}-{label}", functional("binary_cross_entropy", reduction=reduction), x)
        for reduction in ("mean", "sum", "none")
        for label, x in {
            "matrix": (uniform(2, 3), uniform(2, 3)),
            "single": (uniform(2, 3, dtype="float32"), uniform(2, 3, dtype="float32")),
            "number": (uniform(), uniform()),
            "empty": (Array(np.zeros((0, 3))), Array(np.zeros((0, 3)))),
        }.items()
    ]
    + [
        Case(
            "bce-bounds",
            functional("binary_cross_entropy"),
            (Array(np.array([0.0, 1.0, 0.0, 1.0])), constant([0.0, 1.0, 1.0, 0.0])),
            1,
        ),
        Case("bce-weight", with_weight("binary_cross_entropy", "weight"), (uniform(2, 3), uniform(2, 3), WEIGHT)),
        Case("bce-outside", functional("binary_cross_entropy"), (Array(np.array([1.5])), constant([1.0]))),
        Case("bce-nan", functional("binary_cross_entropy"), (Array(np.array([math.nan])), constant([1.0]))),
        Case("bce-shape", functional("binary_cross_entropy"), (uniform(2, 3), uniform(3))),
        Case("bce-types", functional("binary_cross_entropy"), (uniform(2, 3, dtype="float32"), uniform(2, 3))),
        Case("bce-integers", functional("binary_cross_entropy"), (uniform(2), classes([0, 1]))),
    ]
    + [
        Case(f"logits-{reduction}-{label}", functional("binary_cross_entropy_with_logits", reduction=reduction), x)
        for reduction in ("mean", "sum", "none")
        for label, x in {
            "matrix": (normal(2, 3), uniform(2, 3)),
            "single": (normal(2, 3, dtype="float32"), uniform(2, 3, dtype="float32")),
            "number": (normal(), uniform()),
            "large": (Array(np.array([1000.0, -1000.0])), constant([0.0, 0.0])),
            "empty": (Array(np.zeros((0, 3))), Array(np.zeros((0, 3)))),
            "target narrow": (normal(2, 3), uniform(2, 3, dtype="float32")),
        }.items()
    ]
    + [
        Case(
            f"logits-{keyword}",
            with_weight("binary_cross_entropy_with_logits", keyword),
            (normal(2, 3), uniform(2, 3), w),
        )
        for keyword in ("weight", "pos_weight")
        for w in (WEIGHT,)
    ]
    + [
        Case(
            "logits-variable weight",
            with_weight("binary_cross_entropy_with_logits", "weight"),
            (normal(3), uniform(3), normal(3)),
        ),
        Case("logits-shape", functional("binary_cross_entropy_with_logits"), (normal(2, 3), uniform(3))),
        Case("logits-integers", functional("binary_cross_entropy_with_logits"), (normal(2), classes([0, 1]))),
    ]
)


@pytest.mark.parametrize(
    "case", [*DISTANCES, *DISTANCE_ERRORS, *CLASSES, *CLASS_ERRORS, *BINARY], ids=lambda case: case.id
)
def test_loss_as_in_pytorch(case):
    """A loss gives PyTorch's value, type, graph, gradients and error."""
    check(refgrad, torch, case)


@pytest.mark.parametrize("name", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
def test_target_of_another_size_warns(name):
    """A target that has to be broadcast gives PyTorch's warning, and its value."""
    values = [[1.0, 2.0, 4.0], [0.0, 1.0, -1.0]], [1.0, 2.0, 3.0]
    with pytest.warns(UserWarning, match="Using a target size") as mine:
        loss = getattr(refgrad.nn.functional, name)(*map(refgrad.tensor, values))
    with pytest.warns(UserWarning, match="Using a target size") as theirs:
        expected = getattr(torch.nn.functional, name)(*map(torch.tensor, values))
    assert str(mine[0].message) == str(theirs[0].message)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize(("size_average", "reduce"), [(True, None), (False, None), (None, False), (False, True)])
def test_old_names_of_reductions(size_average, reduce):
    """``size_average`` and ``reduce`` still work, with PyTorch's warning."""
    values = [1.0, 2.0], [0.0, 4.0]
    with pytest.warns(UserWarning, match="size_average and reduce") as mine:
        loss = refgrad.nn.functional.mse_loss(*map(refgrad.tensor, values), size_average, reduce)
    with pytest.warns(UserWarning, match="size_average and reduce") as theirs:
        expected = torch.nn.functional.mse_loss(*map(torch.tensor, values), size_average, reduce)
    assert str(mine[0].message) == str(theirs[0].message)
    assert loss.tolist() == expected.tolist()


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 2), (2, 3, 2, 2)])
def test_weight_that_comes_to_require_a_gradient(shape):
    """A weight may require a gradient after the loss was computed, but then the gradient cannot be recorded."""

    @live
    def scene(xp):
        input, weight = xp.ones(shape, requires_grad=True), xp.ones(3)
        loss = xp.nn.functional.cross_entropy(input, xp.zeros((2, *shape[2:]), dtype=xp.int64), weight=weight)
        weight.requires_grad_()
        unrecorded = xp.autograd.grad(loss, input, retain_graph=True)
        return unrecorded, attempt(lambda: xp.autograd.grad(loss, input, create_graph=True))

    scene()


@live
def test_weight_of_a_binary_loss_that_comes_to_require_a_gradient(xp):
    """So may the weight of ``binary_cross_entropy``."""
    input, weight = xp.full((2,), 0.3, requires_grad=True), xp.ones(2)
    loss = xp.nn.functional.binary_cross_entropy(input, xp.ones(2), weight)
    weight.requires_grad_()
    unrecorded = xp.autograd.grad(loss, input, retain_graph=True)
    return unrecorded, attempt(lambda: xp.autograd.grad(loss, input, create_graph=True))
