"""Normalization, side by side with PyTorch and against finite differences."""

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional as F
from tests.engine.ops.parity import Array, Case, check
from tests.engine.ops.slopes import check_slopes

torch = pytest.importorskip("torch")

RNG = np.random.default_rng(19)


def normal(*shape, dtype="float64", layout="contiguous", requires_grad=True):
    return Array(RNG.normal(size=shape), dtype, layout, requires_grad)


def layer_norm(shape):
    return lambda xp, *tensors: xp.nn.functional.layer_norm(tensors[0], shape, *tensors[1:])


LAYER_NORM = [
    Case("last", layer_norm((4,)), (normal(3, 4),)),
    Case("two", layer_norm((2, 3)), (normal(4, 2, 3),)),
    Case("scaled", layer_norm((4,)), (normal(3, 4), normal(4), normal(4))),
    Case("single", layer_norm([4]), (normal(3, 4, dtype="float32"), normal(4, dtype="float32"))),
    Case("wrong", layer_norm((2,)), (normal(3, 4),)),
    Case("wrong weight", layer_norm((4,)), (normal(3, 4), normal(2))),
]


def call(name, *args, **kwargs):
    return lambda xp, x, *tensors: getattr(xp.nn.functional, name)(x, *args, *tensors, **kwargs)


def statistics(training, **kwargs):
    """``batch_norm`` and what it does to the running statistics."""

    def scene(xp, x, weight, bias):
        mean, var = xp.zeros(x.shape[1], dtype=x.dtype), xp.ones(x.shape[1], dtype=x.dtype)
        result = xp.nn.functional.batch_norm(x, mean, var, weight, bias, training, **kwargs)
        return result, mean, var

    return scene


def by_instance(xp, x, weight, bias):
    mean, var = xp.zeros(x.shape[1], dtype=x.dtype), xp.ones(x.shape[1], dtype=x.dtype)
    return xp.nn.functional.instance_norm(x, mean, var, weight, bias), mean, var


def with_running(name, means, variances, **kwargs):
    def scene(xp, x):
        running = [None if n is None else xp.zeros(n, dtype=x.dtype) for n in (means, variances)]
        return getattr(xp.nn.functional, name)(x, *running, **kwargs)

    return scene


X, W, B = normal(3, 4, 5), normal(4), normal(4)
IMAGE = normal(2, 4, 3, 2)
OTHERS = [
    Case("batch", statistics(True), (X, W, B)),
    Case("batch-momentum", statistics(True, momentum=0.5, eps=0.1), (IMAGE, W, B)),
    Case("batch-out of training", statistics(False), (X, W, B)),
    Case("batch-matrix", statistics(True), (normal(3, 4), W, B)),
    Case("batch-no parameters", call("batch_norm", None, None, training=True), (X,)),
    Case("batch-empty", call("batch_norm", None, None, training=True), (normal(0, 4, 5),), 1),
    Case("batch-single", statistics(True), tuple(normal(*x.values.shape, dtype="float32") for x in (X, W, B))),
    Case("batch-one value", call("batch_norm", None, None, training=True), (normal(1, 4),)),
    Case("batch-no statistics", call("batch_norm", None, None), (X,)),
    Case("batch-half of the statistics", with_running("batch_norm", 4, None), (X,)),
    Case("batch-other statistics", with_running("batch_norm", 3, 4), (X,)),
    Case("batch-other weight", call("batch_norm", None, None, training=True), (X, normal(3))),
    Case("batch-eps", call("batch_norm", None, None, training=True, eps=0.0), (X,)),
    Case("batch-vector", call("batch_norm", None, None, training=True), (normal(4),)),
    Case("instance", call("instance_norm"), (X,)),
    Case("instance-all", by_instance, (IMAGE, W, B)),
    Case("instance-one value", call("instance_norm"), (normal(2, 4, 1),)),
    Case("instance-no statistics", call("instance_norm", use_input_stats=False), (X,)),
    Case("instance-given statistics", with_running("instance_norm", 4, 4, use_input_stats=False), (X,)),
    Case("group", call("group_norm", 2), (X,)),
    Case("group-scaled", call("group_norm", 2), (IMAGE, W, B)),
    Case("group-matrix", call("group_norm", 2), (normal(3, 4), W)),
    Case("group-no divisor", call("group_norm", 3), (X,)),
    Case("group-other weight", call("group_norm", 2), (X, normal(3))),
    Case("group-other bias", call("group_norm", 2), (X, W, normal(3))),
    Case("group-vector", call("group_norm", 2), (normal(4),)),
    Case("group-one value", call("group_norm", 4), (normal(1, 4),)),
    Case("layer-empty shape", call("layer_norm", ()), (X,)),
    Case("layer-number", call("layer_norm", 5), (X,)),
    Case("layer-integers", call("layer_norm", (2,)), (Array(np.ones((3, 2)), "int64"),)),
    Case("rms", call("rms_norm", (5,)), (X,)),
    Case("rms-scaled", call("rms_norm", (4, 5)), (X, normal(4, 5))),
    Case("rms-eps", call("rms_norm", (5,), eps=0.1), (X,)),
    Case("rms-zeros", call("rms_norm", (5,)), (Array(np.zeros((2, 5)), "float32"),)),
    Case("rms-half", call("rms_norm", (5,)), (normal(3, 5, dtype="float16"),)),
    Case("rms-other shape", call("rms_norm", (4,)), (X,)),
    Case("rms-other weight", call("rms_norm", (5,)), (X, normal(4))),
    Case("rms-integers", call("rms_norm", (2,)), (Array(np.ones((3, 2)), "int64"),)),
    Case("local", call("local_response_norm", 3), (X,)),
    Case("local-image", call("local_response_norm", 2, 0.1, 0.5, 2.0), (IMAGE,)),
    Case("local-empty", call("local_response_norm", 2), (normal(0, 4, 3),)),
    Case("local-matrix", call("local_response_norm", 2), (normal(2, 4),)),
]
CASES = [*LAYER_NORM, *OTHERS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_normalization_as_in_pytorch(case):
    """A normalization gives PyTorch's value, graph, gradients of both orders, and error."""
    check(refgrad, torch, case)


SLOPES = {
    "batch": (lambda x, w, b: F.batch_norm(x, None, None, w, b, True), X, W, B),
    "batch, out of training": (
        lambda x, w, b: F.batch_norm(x, *refgrad.tensor([[1.0] * 4, [2.0] * 4], dtype=refgrad.float64), w, b), X, W, B,
    ),
    "instance": (lambda x, w: F.instance_norm(x, weight=w), IMAGE, W),
    "group": (lambda x, w, b: F.group_norm(x, 2, w, b), IMAGE, W, B),
    "layer": (lambda x, w, b: F.layer_norm(x, (4,), w, b), normal(3, 4), W, B),
    "rms": (lambda x, w: F.rms_norm(x, (4,), w), normal(3, 4), W),
    "local": (lambda x: F.local_response_norm(x, 3, alpha=0.5), X),
}  # fmt: skip


@pytest.mark.parametrize("name", SLOPES)
def test_gradients_are_slopes(name):
    """The gradients of a normalization are the slopes that finite differences measure, in both orders."""
    call, *inputs = SLOPES[name]
    check_slopes(call, [x.values for x in inputs])


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("number", range(4))
def test_batch_norm_by_numbers(number, training):
    """A number is a vector of one channel only where PyTorch does not look: statistics are refused, a weight in the backward."""

    def run(xp):
        input = xp.tensor([[1.0], [2.0]], dtype=xp.float64, requires_grad=True)
        given = [xp.tensor(0.5 if i == number else [0.5], dtype=xp.float64) for i in range(4)]
        try:
            result = xp.nn.functional.batch_norm(input, *given, training=training)
        except RuntimeError as error:
            return str(error), [x.tolist() for x in given]
        try:
            result.sum().backward()
        except RuntimeError as error:
            return result.tolist(), str(error)
        return result.tolist(), input.grad.tolist(), [x.tolist() for x in given]

    mine, theirs = run(refgrad), run(torch)
    assert str(mine) == str(theirs) or np.allclose(mine[0], theirs[0])
    assert [type(part) for part in mine] == [type(part) for part in theirs]


@pytest.mark.parametrize("given", [(True, False), (False, True)])
def test_batch_norm_by_half_of_the_statistics(given):
    """In training there are both running statistics, or none."""
    told = []
    for xp in (refgrad, torch):
        statistics = [xp.zeros(2) if one else None for one in given]
        with pytest.raises(ValueError, match="must either both be None") as error:
            xp.nn.functional.batch_norm(xp.ones(3, 2), *statistics, training=True)
        told.append(str(error.value))
    assert told[0] == told[1]
