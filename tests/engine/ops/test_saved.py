"""What an op keeps for its gradient: neither more nor less than PyTorch."""

import numpy as np
import pytest

import refgrad
import refgrad.nn.functional

torch = pytest.importorskip("torch")

VALUES = np.array([[0.2, 0.4, 0.7], [0.9, 0.3, 0.6]])
CALLS = {
    "sum": lambda xp, x: x.sum(),
    "sum dim": lambda xp, x: x.sum(0),
    "mean": lambda xp, x: x.mean(),
    "mean dim": lambda xp, x: x.mean(0),
    "prod": lambda xp, x: x.prod(),
    "prod dim": lambda xp, x: x.prod(0),
    "nansum": lambda xp, x: x.nansum(),
    "var": lambda xp, x: x.var(),
    "std": lambda xp, x: x.std(0),
    "logsumexp": lambda xp, x: x.logsumexp(0),
    "norm": lambda xp, x: x.norm(),
    "norm 1": lambda xp, x: x.norm(p=1),
    "max": lambda xp, x: x.max(),
    "max dim": lambda xp, x: x.max(0).values,
    "amax": lambda xp, x: x.amax(0),
    "median": lambda xp, x: x.median(),
    "median dim": lambda xp, x: x.median(0).values,
    "cumsum": lambda xp, x: x.cumsum(0),
    "cumprod": lambda xp, x: x.cumprod(0),
    "cummax": lambda xp, x: x.cummax(0).values,
    "logcumsumexp": lambda xp, x: xp.logcumsumexp(x, 0),
    "sort": lambda xp, x: x.sort(0).values,
    "topk": lambda xp, x: x.topk(2).values,
    "trace": lambda xp, x: xp.trace(x),
    "mm constant": lambda xp, x: x @ xp.ones(3, 2, dtype=xp.float64),
    "mm itself": lambda xp, x: x @ x.t(),
    "mv constant": lambda xp, x: x.mv(xp.ones(3, dtype=xp.float64)),
    "softmax": lambda xp, x: x.softmax(0),
    "log_softmax": lambda xp, x: x.log_softmax(0),
    "layer_norm": lambda xp, x: xp.nn.functional.layer_norm(x, (3,)),
    "mse_loss": lambda xp, x: xp.nn.functional.mse_loss(x, xp.zeros(2, 3, dtype=xp.float64)),
    "l1_loss": lambda xp, x: xp.nn.functional.l1_loss(x, xp.zeros(2, 3, dtype=xp.float64)),
    "smooth_l1_loss": lambda xp, x: xp.nn.functional.smooth_l1_loss(x, xp.zeros(2, 3, dtype=xp.float64)),
    "nll_loss": lambda xp, x: xp.nn.functional.nll_loss(x, xp.tensor([0, 1])),
    "cross_entropy": lambda xp, x: xp.nn.functional.cross_entropy(x, xp.tensor([0, 1])),
    "binary_cross_entropy": lambda xp, x: xp.nn.functional.binary_cross_entropy(x, xp.zeros(2, 3, dtype=xp.float64)),
    "logits": lambda xp, x: xp.nn.functional.binary_cross_entropy_with_logits(x, xp.zeros(2, 3, dtype=xp.float64)),
    "embedding": lambda xp, x: xp.nn.functional.embedding(xp.tensor([0, 1]), x),
    **{
        name: (lambda xp, x, name=name: getattr(xp.nn.functional, name)(x))
        for name in (
            "relu6",
            "leaky_relu",
            "elu",
            "selu",
            "celu",
            "gelu",
            "silu",
            "mish",
            "softplus",
            "logsigmoid",
            "softsign",
        )
    },
}


def refused(xp, call, act):
    """Whether the gradient of ``call`` is refused after ``act(xp, input, result)``."""
    leaf = xp.tensor(VALUES.tolist(), dtype=xp.float64, requires_grad=True)
    x = leaf.clone()
    result = call(xp, x)
    act(xp, x, result)
    try:
        result.sum().backward()
    except RuntimeError as error:
        return str(error).split("[")[0].split(".")[0]
    return None


def write_input(xp, x, result):
    with xp.no_grad():
        x.mul_(1)


def write_result(xp, x, result):
    with xp.no_grad():
        result.mul_(1)


def run_before(xp, x, result):
    (result.sum() if result.dim() else result * 1).backward(inputs=[x])


@pytest.mark.parametrize("act", [write_input, write_result, run_before], ids=lambda act: act.__name__)
@pytest.mark.parametrize("name", CALLS)
def test_saved_as_in_pytorch(name, act):
    """A gradient is refused after a write to what was saved, or a first backward that freed it; otherwise it is not."""
    assert refused(refgrad, CALLS[name], act) == refused(torch, CALLS[name], act)
