"""Layout: the strides and types of gradients."""

import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0"


@behaviour("LAY-02", source=SOURCE, level="may", profile="namespace")
def test_channels_last(xp):
    """The .grad of a leaf whose channels lie last in memory has them last too."""
    x = xp.ones(1, 2, 2, 2).permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2).requires_grad_()
    (x * 2).sum().backward()
    assert x.stride() == (8, 1, 4, 2)
    assert x.grad.stride() == (8, 1, 4, 2)


@behaviour("LAY-03", source=SOURCE, level="may", profile="namespace")
def test_new_grad(xp):
    """A new .grad has the strides of its leaf."""
    x = xp.ones(2, 3).t().requires_grad_()
    x.sum().backward()
    assert x.grad.stride() == (1, 3)


@behaviour("LAY-03", source=SOURCE, level="may", profile="namespace")
@pytest.mark.filterwarnings("ignore:grad and param do not obey")
def test_grad_of_the_user(xp, check):
    """A .grad that the user set in another layout is added to as it lies."""
    x = xp.ones(2, 3).t().requires_grad_()
    x.grad = xp.zeros(3, 2)
    (x * 1).sum().backward()
    assert x.grad.stride() == (2, 1)
    check.close(x.grad, [[1.0, 1.0]] * 3)


@behaviour("LAY-04", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize(
    ("function", "stride"),
    [
        (lambda xp, x: (x.t() * xp.arange(6.0).view(3, 2)).sum(), (1, 2)),
        (lambda xp, x: x.sum(), (0, 0)),
        (lambda xp, x: x.mean(), (3, 1)),
    ],
    ids=["transposed", "sum", "mean"],
)
def test_results_of_grad(xp, function, stride):
    """What autograd.grad gives lies in memory as the backward made it: transposed, or expanded."""
    x = xp.ones(2, 3, requires_grad=True)
    assert xp.autograd.grad(function(xp, x), x)[0].stride() == stride


@behaviour("LAY-07", source=SOURCE, profile="namespace")
@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half(xp, dtype):
    """A leaf of half precision has a gradient of its own type, though the computation ran in float32."""
    x = xp.ones(1, dtype=getattr(xp, dtype), requires_grad=True)
    (x.float() * 3.14159).sum().backward()
    assert x.grad.dtype == getattr(xp, dtype)
    assert x.grad.float().item() == xp.tensor([3.14159]).to(x.dtype).float().item()


@behaviour("LAY-09", source=SOURCE, level="may", profile="namespace")
@pytest.mark.parametrize("swapped", [False, True], ids=["rows_first", "columns_first"])
def test_mixed_inputs(xp, swapped):
    """Where inputs lie differently in memory the result lies as the first."""
    rows, columns = xp.ones(2, 3), xp.ones(3, 2).t()
    assert (columns + rows if swapped else rows + columns).stride() == ((1, 2) if swapped else (3, 1))


@behaviour("LAY-10", source=SOURCE, level="may", profile="namespace")
def test_reduced(xp):
    """A reduction's result lies in rows, however its input does."""
    x = xp.ones(4, 3, 2).permute(2, 1, 0)
    assert x.sum(0).stride() == (4, 1)
    assert x.amax(1).is_contiguous()
