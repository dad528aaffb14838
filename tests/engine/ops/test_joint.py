"""Gradients that one function of PyTorch's gives together: what they hang on, and what is saved for them."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from tests.engine.live import attempt, live


def layer_norm(xp: Any, input: Any, weight: Any, bias: Any) -> Any:
    return xp.nn.functional.layer_norm(input, (2,), weight, bias)


def batch_norm(xp: Any, input: Any, weight: Any, bias: Any) -> Any:
    return xp.nn.functional.batch_norm(input, None, None, weight, bias, training=True)


def batch_norm_by_constants(xp: Any, input: Any, weight: Any, bias: Any) -> Any:
    return xp.nn.functional.batch_norm(input, xp.zeros(2), xp.ones(2), weight, bias)


def group_norm(xp: Any, input: Any, weight: Any, bias: Any) -> Any:
    return xp.nn.functional.group_norm(input[:, :, None], 1, weight, bias)


def convolution(xp: Any, input: Any, weight: Any, bias: Any) -> Any:
    return xp.nn.functional.conv1d(input[None], xp.stack([weight, weight])[:, :, None] * 1.0, bias)


def transposed_convolution(xp: Any, input: Any, weight: Any, bias: Any) -> Any:
    return xp.nn.functional.conv_transpose1d(input[None], xp.stack([weight, weight])[:, :, None] * 1.0, bias)


OPS = [layer_norm, group_norm, batch_norm, batch_norm_by_constants, convolution, transposed_convolution]


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.__name__)
@pytest.mark.parametrize("wanted", list(product((False, True), repeat=3))[1:], ids=str)
def test_history(op: Any, wanted: tuple[bool, ...]) -> None:
    """A recorded gradient has a history where one of the function's inputs has, whatever it depends on."""

    def scene(xp: Any) -> Any:
        values = ([[1.0, 2.0], [4.0, 5.0]], [1.0, 2.0], [0.5, 1.5])
        tensors = [xp.tensor(each, requires_grad=one) for each, one in zip(values, wanted)]
        leaves = [each for each in tensors if each.requires_grad]
        result = op(xp, *tensors)
        grads = xp.autograd.grad(result, leaves, xp.ones_like(result), create_graph=True)
        again = [
            attempt(lambda grad=grad: xp.autograd.grad(grad, leaves, xp.ones_like(grad), True, allow_unused=True))
            for grad in grads
        ]
        return [grad.requires_grad for grad in grads], [each if isinstance(each, tuple) else None for each in again]

    live(scene)()


@pytest.mark.parametrize("name", ["prelu", "householder_product"])
def test_history_of_one(name: str) -> None:
    """So it is where only one input is wanted."""

    def scene(xp: Any) -> Any:
        input, weight = xp.tensor([[1.0], [-2.0]]), xp.tensor([0.25], requires_grad=True)
        op = xp.nn.functional.prelu if name == "prelu" else xp.linalg.householder_product
        (grad,) = xp.autograd.grad(op(input, weight).sum(), weight, create_graph=True)
        return grad.requires_grad

    live(scene)()


@pytest.mark.parametrize("written", range(2))
def test_saved_together(written: int) -> None:
    """What the function needs is saved for any of the gradients, and so its version is checked."""

    def scene(xp: Any) -> Any:
        input, weight = xp.tensor([[[1.0, 2.0]]]), xp.tensor([[[3.0]]])
        bias = xp.tensor([1.0], requires_grad=True)
        result = xp.nn.functional.conv1d(input, weight, bias)
        (input, weight)[written].add_(1)
        return attempt(lambda: result.sum().backward()), bias.grad

    live(scene)()


def test_running_statistics() -> None:
    """``batch_norm`` writes its running statistics without counting it; ``instance_norm`` counts."""

    def scene(xp: Any) -> Any:
        found = []
        for norm, shape in ((xp.nn.functional.batch_norm, (3, 2)), (xp.nn.functional.instance_norm, (2, 2, 4))):
            mean, var = xp.zeros(2), xp.ones(2)
            input = xp.arange(6.0 if len(shape) == 2 else 16.0).reshape(shape)
            norm(input, mean, var, None, None, True)
            found.append((mean, var, mean._version, var._version))
        return found

    live(scene)()


@live
def test_what_a_second_derivative_has_no_need_of(xp: Any) -> Any:
    """A graph that was freed is not asked for again where PyTorch's formula is of the input, not of the result."""
    x = xp.tensor(0.5, dtype=xp.float64, requires_grad=True)
    (grad,) = xp.autograd.grad(xp.erfinv(x), x, retain_graph=False, create_graph=True)
    grad.backward()
    return x.grad


@live
def test_target_that_came_to_require_grad(xp: Any) -> Any:
    """A target that requires grad by the time of the backward is refused there, if that is recorded."""
    found = []
    for create_graph in (False, True):
        x, target = xp.tensor([2.0], requires_grad=True), xp.tensor([1.0])
        loss = xp.nn.functional.soft_margin_loss(x, target)
        target.requires_grad_()
        found.append(attempt(lambda loss=loss, flag=create_graph: loss.backward(create_graph=flag)))
    return found


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.__name__)
def test_one_node(op: Any) -> None:
    """Recorded gradients are outputs of one node: the hook of one that gets no gradient of its own is called with None."""

    def scene(xp: Any) -> Any:
        values = ([[1.0, 2.0], [4.0, 5.0]], [1.0, 2.0], [0.5, 1.5])
        leaves = [xp.tensor(each, requires_grad=True) for each in values]
        result, seen = op(xp, *leaves), []
        grads = xp.autograd.grad(result, leaves, xp.ones_like(result), create_graph=True)
        grads[0].register_hook(lambda grad: seen.append(grad is None))
        attempt(lambda: grads[2].sum().backward())
        return seen, [leaf.grad for leaf in leaves]

    live(scene)()


TWO = {
    "mul": lambda xp, a, b: a * b,
    "div": lambda xp, a, b: a / b,
    "pow": lambda xp, a, b: a**b,
    "mm": lambda xp, a, b: xp.mm(a, b),
    "atan2": lambda xp, a, b: xp.atan2(a, b),
    "hypot": lambda xp, a, b: xp.hypot(a, b),
    "xlogy": lambda xp, a, b: xp.xlogy(a, b),
    "solve": lambda xp, a, b: xp.linalg.solve(a, b),
    "solve_triangular": lambda xp, a, b: xp.linalg.solve_triangular(a, b, upper=True),
    "lstsq": lambda xp, a, b: xp.linalg.lstsq(a, b).solution,
    "householder_product": lambda xp, a, b: xp.linalg.householder_product(a, b[0]),
    "complex": lambda xp, a, b: xp.complex(a, b) * xp.complex(b, a),
    "kl_div": lambda xp, a, b: xp.nn.functional.kl_div(a, b, reduction="sum", log_target=True),
    "poisson_nll_loss": lambda xp, a, b: xp.nn.functional.poisson_nll_loss(a, b),
    "trapezoid": lambda xp, a, b: xp.trapezoid(a, b),
    "cosine_similarity": lambda xp, a, b: xp.nn.functional.cosine_similarity(a, b),
    "clamp": lambda xp, a, b: xp.clamp(a, b, b + 1),
    "linear": lambda xp, a, b: xp.nn.functional.linear(a, b, b[0]),
    "lerp": lambda xp, a, b: xp.lerp(a, b, b),
    "group_norm": lambda xp, a, b: xp.nn.functional.group_norm(a, 1, b[0], b[1]),
}


@pytest.mark.parametrize("op", TWO)
def test_order(op: str) -> None:
    """Gradients are computed in PyTorch's order, by the names of the inputs, and the parts of a formula in its own."""

    def numbers(grads: Any) -> list[int]:
        made = [grad.grad_fn._sequence_nr() for grad in grads]
        return sorted(range(len(made)), key=made.__getitem__)

    def history(node: Any) -> list[str]:
        seen, ahead = set(), [node]
        while ahead:
            node = ahead.pop()
            if node is not None and node not in seen and "Accumulate" not in node.name():
                seen.add(node)
                ahead += [each for each, _ in node.next_functions]
        return [node.name() for node in sorted(seen, key=lambda node: node._sequence_nr())]

    def scene(xp: Any) -> Any:
        leaves = [xp.tensor([[3.0, 0.5], [0.2, 2.0]], requires_grad=True) for _ in range(2)]
        result = TWO[op](xp, *leaves)
        weight = xp.ones_like(result) * xp.tensor(2.0, requires_grad=True)
        grads = xp.autograd.grad(result, leaves, weight, create_graph=True)
        return history(result.grad_fn), numbers(grads)

    live(scene)()


@live
def test_before_a_freed_graph_is_asked_for(xp: Any) -> Any:
    """What a pass gives before it fails hangs on that order, too."""
    found = []
    for wanted in range(2):
        input, target = xp.tensor(1.0, requires_grad=True), xp.tensor(-0.5, requires_grad=True)
        loss = xp.nn.functional.kl_div(input, target, reduction="sum", log_target=True)
        grads = xp.autograd.grad(loss, (input, target), create_graph=True, retain_graph=False)
        found.append((attempt(grads[wanted].backward), input.grad, target.grad))
    return found
