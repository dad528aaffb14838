"""Derivatives of what moves elements: reshaping, transposing, stretching, joining, splitting, indexing."""

import numpy as np
import pytest

from refgrad.harness.behaviours import behaviour

SOURCE = "torch 2.13.0; mathematics"
X = np.arange(1.0, 7.0).reshape(2, 3) / 4
BLOCK = np.arange(12.0).reshape(2, 3, 2) / 5

SHAPES = {
    "reshape": (lambda xp, x: x.reshape(3, 2), lambda a: a.reshape(3, 2)),
    "reshape_inferred": (lambda xp, x: x.reshape(-1), lambda a: a.reshape(-1)),
    "view": (lambda xp, x: x.view(6), lambda a: a.reshape(6)),
    "flatten": (lambda xp, x: x.flatten(), lambda a: a.ravel()),
    "t": (lambda xp, x: x.t(), lambda a: a.T),
    "T": (lambda xp, x: x.T, lambda a: a.T),
    "transpose": (lambda xp, x: x.transpose(0, 1), lambda a: a.T),
    "unsqueeze": (lambda xp, x: x.unsqueeze(1), lambda a: a[:, None]),
    "squeeze": (lambda xp, x: x.unsqueeze(0).squeeze(0), lambda a: a),
    "flip": (lambda xp, x: xp.flip(x, (0, 1)), lambda a: a[::-1, ::-1]),
    "transpose_reshape": (lambda xp, x: x.t().reshape(2, 3), lambda a: a.T.reshape(2, 3)),
}


def _scatter(forward, shape, g):
    """The gradient of a function that only moves or copies elements: cotangents land where their elements came from."""
    source = forward(np.arange(np.prod(shape)).reshape(shape))
    return np.bincount(source.ravel(), weights=g.ravel(), minlength=int(np.prod(shape))).reshape(shape)


@behaviour("IX-20", source=SOURCE, profile="core")
@pytest.mark.parametrize(("fn", "forward"), SHAPES.values(), ids=SHAPES)
def test_shape(calculus, check, fn, forward):
    """An op that rearranges elements sends each cotangent back to the place its element came from."""
    g = np.random.default_rng(0).normal(size=forward(X).shape)
    value, (grad,) = calculus.vjp(fn, (X,), g)
    check.equal(value, forward(X))
    check.close(grad, _scatter(forward, X.shape, g))


@behaviour("IX-21", source=SOURCE, profile="core")
def test_permute(calculus, check):
    """permute's gradient is permuted by the inverse order."""
    g = np.random.default_rng(1).normal(size=(2, 2, 3))
    value, (grad,) = calculus.vjp(lambda xp, x: x.permute(2, 0, 1), (BLOCK,), g)
    check.equal(value, BLOCK.transpose(2, 0, 1))
    check.close(grad, g.transpose(1, 2, 0))


@behaviour("BC-05", source=SOURCE, profile="core")
@pytest.mark.parametrize(("shape", "axis"), [((2,), 0), ((1, 2), 0), ((3, 1), 1)], ids=["leading", "rows", "columns"])
def test_expand(calculus, check, shape, axis):
    """expand's gradient is the sum over the copies."""
    g = np.array([[1.0, 2.0], [10.0, 20.0], [100.0, 200.0]])
    _, (grad,) = calculus.vjp(lambda xp, x: x.expand(3, 2), (np.ones(shape),), g)
    check.equal(grad, g.sum(axis).reshape(shape))


INDICES = {
    "integer": (lambda x: x[1], np.s_[1]),
    "negative": (lambda x: x[-1], np.s_[-1]),
    "pair": (lambda x: x[1, 2], np.s_[1, 2]),
    "slice": (lambda x: x[:, 1:], np.s_[:, 1:]),
    "step": (lambda x: x[:, ::2], np.s_[:, ::2]),
    "empty_slice": (lambda x: x[1:1], np.s_[1:1]),
    "none": (lambda x: x[None, :, 0], np.s_[None, :, 0]),
    "ellipsis": (lambda x: x[..., 0:2], np.s_[..., 0:2]),
    "list": (lambda x: x[[1, 0]], np.s_[[1, 0]]),
    "duplicates": (lambda x: x[:, [0, 0, 2]], np.s_[:, [0, 0, 2]]),
    "negative_list": (lambda x: x[[-1, 1]], np.s_[[-1, 1]]),
    "pairs": (lambda x: x[[0, 1, 0], [2, 2, 2]], np.s_[[0, 1, 0], [2, 2, 2]]),
}


@behaviour("IX-01", source=SOURCE, profile="core")
@pytest.mark.parametrize(("fn", "index"), INDICES.values(), ids=INDICES)
def test_index(calculus, check, fn, index):
    """An index's gradient goes to the elements that were read, summed where one was read twice, and zeros elsewhere."""
    g = np.random.default_rng(2).normal(size=X[index].shape)
    value, (grad,) = calculus.vjp(lambda xp, x: fn(x), (X,), g)
    expected = np.zeros_like(X)
    np.add.at(expected, index, g)
    check.equal(value, X[index])
    check.close(grad, expected)


@behaviour("IX-22", source=SOURCE, profile="core")
def test_mask(calculus, check):
    """A boolean mask's gradient goes to the selected elements."""
    value, (grad,) = calculus.vjp(lambda xp, x: x[x > 0.8], (X,), np.array([1.0, 2.0, 3.0]))
    check.equal(value, np.array([1.0, 1.25, 1.5]))
    check.equal(grad, np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]))


@behaviour("IX-06", source=SOURCE, profile="core")
def test_mixed_index(calculus, check):
    """x[[0, 1], :, [1, 0]]: the indexed dimension moves to the front, and the gradient finds its way back."""
    g = np.arange(6.0).reshape(2, 3)
    value, (grad,) = calculus.vjp(lambda xp, x: x[[0, 1], :, [1, 0]], (BLOCK,), g)
    assert value.shape == (2, 3)
    check.equal(grad[0, :, 1], np.array([0.0, 1.0, 2.0]))
    check.equal(grad[1, :, 0], np.array([3.0, 4.0, 5.0]))
    check.equal(grad.sum(), np.array(15.0))


@behaviour("IX-10", source=SOURCE, profile="core")
def test_cat(calculus, check):
    """cat cuts its cotangent at the seams; an empty part gets an empty gradient."""
    parts = (np.array([1.0, 2.0]), np.ones(0), np.array([3.0]))
    value, grads = calculus.vjp(lambda xp, *xs: xp.cat(xs), parts, np.array([5.0, 6.0, 7.0]))
    check.equal(value, np.array([1.0, 2.0, 3.0]))
    for grad, expected in zip(grads, ([5.0, 6.0], [], [7.0]), strict=True):
        check.equal(grad, np.array(expected))


@behaviour("IX-23", source=SOURCE, profile="core")
@pytest.mark.parametrize("dim", [0, 1])
def test_stack(calculus, check, dim):
    """stack hands each input its slice of the cotangent."""
    g = np.array([[1.0, 2.0], [3.0, 4.0]])
    _, (first, second) = calculus.vjp(lambda xp, a, b: xp.stack([a, b], dim=dim), (np.ones(2), np.zeros(2)), g)
    check.equal(first, g.take(0, dim))
    check.equal(second, g.take(1, dim))


@behaviour("VIEW-37", source=SOURCE, profile="core")
def test_unused_part(calculus, check):
    """A part of a split that is not used contributes zeros, not nothing."""
    _, (grad,) = calculus.vjp(lambda xp, x: (xp.split(x, 1)[0] * 5).sum(), (np.array([1.0, 2.0, 3.0]),))
    check.equal(grad, np.array([5.0, 0.0, 0.0]))


@behaviour("IX-12", source=SOURCE, profile="core")
def test_inner_size_zero(calculus, check):
    """A matrix product over an inner size of 0 gives zeros, and empty gradients."""
    value, grads = calculus.vjp(lambda xp, a, b: a @ b, (np.ones((2, 0)), np.ones((0, 3))), np.ones((2, 3)))
    check.equal(value, np.zeros((2, 3)))
    assert [grad.shape for grad in grads] == [(2, 0), (0, 3)]


@behaviour("IX-14", source=SOURCE, profile="core")
def test_strided_input(calculus, check):
    """Transposed and stepped inputs give the gradients of their contiguous copies."""
    base = np.arange(12.0).reshape(3, 4) / 6
    fn, strided = lambda xp, x: xp.sin(x**2).sum(), base.T[::2]
    _, (grad,) = calculus.vjp(fn, (strided,))
    check.close(grad, 2 * strided * np.cos(strided**2))


@behaviour("BC-24", source=SOURCE, profile="core")
def test_masked_by_where(calculus, check):
    """where sends the cotangent to the chosen side only."""
    x = np.array([3.0, -1.0, 2.0])
    _, (grad,) = calculus.vjp(lambda xp, x: xp.where(x > 0, x * 10, x * 0.5), (x,), np.array([1.0, 2.0, 3.0]))
    check.equal(grad, np.array([10.0, 1.0, 30.0]))


@behaviour("IX-02", source="torch 2.13.0", level="should", profile="namespace")
@pytest.mark.parametrize(
    ("index", "error", "text"),
    [
        (np.s_[::-1], "ValueError", "step must be greater than zero"),
        (5, "IndexError", "index 5 is out of bounds for dimension 0 with size 2"),
        (np.s_[0, 0, 0], "IndexError", "too many indices for tensor of dimension 2"),
    ],
    ids=["negative_step", "out_of_range", "too_many"],
)
def test_refused(xp, check, index, error, text):
    """A negative step, an index out of range and too many indices are errors."""
    with check.raises(error, text):
        xp.ones(2, 2)[index]


@behaviour("IX-17", source="torch 2.13.0", level="should", profile="namespace")
def test_float_index(xp, check):
    """A tensor of floats is no index."""
    with check.raises("IndexError", "tensors used as indices must be long, int, byte or bool tensors"):
        xp.ones(2)[xp.tensor([0.0])]


@behaviour("IX-16", source="torch 2.13.0", profile="namespace")
def test_index_of_a_scalar(xp, check):
    """A 0-dim tensor takes an empty index, and a 0-dim bool that adds a dimension."""
    x = xp.tensor(3.0, requires_grad=True)
    assert [tuple(x[()].shape), tuple(x[xp.tensor(True)].shape)] == [(), (1,)]
    x[xp.tensor(True)].sum().backward()
    check.equal(x.grad, 1.0)


@behaviour("IX-13", source="torch 2.13.0", profile="core")
def test_empty_output(calculus, check):
    """An output of size 0 with a cotangent of size 0 gives zeros."""
    _, (grad,) = calculus.vjp(lambda xp, x: x[:0], (np.array([1.0, 2.0]),), np.ones(0))
    check.equal(grad, np.zeros(2))


@behaviour("IX-18", source="torch 2.13.0", profile="core")
def test_chain_of_views(calculus, check):
    """A chain of expand, transpose, slice and reshape gives back a gradient of the input's shape."""
    fn = lambda xp, x: x.expand(4, 3).t()[1:].reshape(-1).reshape(2, 4).sum(1).prod()  # noqa: E731
    _, (grad,) = calculus.vjp(fn, (np.ones((1, 3)),))
    check.equal(grad, [[0.0, 16.0, 16.0]])


DUPLICATES = {
    "gather": (lambda xp, i, x, y: x.gather(0, i), [1.0, 10.0], [11.0, 0.0], None),
    "scatter": (lambda xp, i, x, y: x.scatter(0, i, y), [1.0, 10.0], [0.0, 10.0], [1.0, 1.0]),
    "scatter_add": (lambda xp, i, x, y: x.scatter_add(0, i, y), [1.0, 10.0], [1.0, 10.0], [1.0, 1.0]),
}


@behaviour("SG-32", source="torch 2.13.0", level="may", profile="namespace")
@pytest.mark.parametrize(("fn", "cotangent", "grad", "grad_source"), DUPLICATES.values(), ids=DUPLICATES)
def test_duplicate_destinations(xp, check, fn, cotangent, grad, grad_source):
    """gather's duplicates accumulate; in scatter every source gets the gradient of its slot, though only one was written."""
    x, y = (xp.tensor(values, requires_grad=True) for values in ([1.0, 2.0], [5.0, 6.0]))
    fn(xp, xp.tensor([0, 0]), x, y).backward(xp.tensor(cotangent))
    check.equal(x.grad, grad)
    if grad_source is None:
        check.none(y.grad)
    else:
        check.equal(y.grad, grad_source)


@behaviour("IX-03", source="torch 2.13.0", level="should", profile="namespace")
def test_index_tensor_out_of_range(xp, check):
    """An index tensor that reaches beyond a dimension is an error that names index, dimension and size."""
    with check.raises("IndexError", "index 5 is out of bounds for dimension 0 with size 2"):
        xp.tensor([1.0, 2.0])[xp.tensor([5])]


@behaviour("IX-04", source="torch 2.13.0")
def test_listed_twice(xp, check):
    """An element that an index names twice gets both gradients."""
    x = xp.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x[[0, 0, 2]].sum().backward()
    check.equal(x.grad, [2.0, 0.0, 1.0])


WRITES = {
    "index_add": (lambda xp, i, x, v: x.index_add(0, i, v), [3.0, 7.0], [7.0, 3.0]),
    "index_copy": (lambda xp, i, x, v: x.index_copy(0, i, v), [0.0, 0.0], [7.0, 3.0]),
    "scatter": (lambda xp, i, x, v: x.scatter(0, i, v), [0.0, 0.0], [7.0, 3.0]),
    "masked_scatter": (lambda xp, i, x, v: x.masked_scatter(xp.tensor([True, False]), v), [0.0, 7.0], [3.0, 0.0]),
    "put": (lambda xp, i, x, v: x.put(i, v), [0.0, 0.0], [7.0, 3.0]),
    "take": (lambda xp, i, x, v: x.take(i) * v, [42.0, 15.0], [6.0, 7.0]),
    "select_scatter": (lambda xp, i, x, v: x.select_scatter(v[0], 0, 0), [0.0, 7.0], [3.0, 0.0]),
    "slice_scatter": (lambda xp, i, x, v: x.slice_scatter(v[:1], 0, 0, 1), [0.0, 7.0], [3.0, 0.0]),
    "index_fill": (lambda xp, i, x, v: x.index_fill(0, i[1:], 9.0) + v * 0, [0.0, 7.0], [0.0, 0.0]),
}


@behaviour("IX-09", source="torch 2.13.0", profile="namespace")
@pytest.mark.parametrize(("fn", "grad", "grad_source"), WRITES.values(), ids=WRITES)
def test_written_by_index(xp, check, fn, grad, grad_source):
    """What is written over gets no gradient; what is written gets that of its place."""
    x, v = xp.tensor([1.0, 2.0], requires_grad=True), xp.tensor([5.0, 6.0], requires_grad=True)
    fn(xp, xp.tensor([1, 0]), x, v).backward(xp.tensor([3.0, 7.0]))
    check.equal(x.grad, grad)
    check.equal(v.grad, grad_source)


@behaviour("IX-19", source="torch 2.13.0", profile="namespace")
def test_overlapping_windows(xp, check):
    """unfold's windows overlap: an element gets the gradients of all that it is in."""
    x = xp.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    x.unfold(0, 3, 1).sum().backward()
    check.equal(x.grad, [1.0, 2.0, 2.0, 1.0])


@behaviour("ISS-14", source="pytorch#57006; torch 2.13.0", profile="namespace")
def test_filled_twice(xp, check):
    """A value that index_fill writes to one place twice is counted once."""
    value = xp.tensor(1.0, requires_grad=True)
    xp.zeros(5).index_fill(0, xp.tensor([2, 2]), value).sum().backward()
    check.equal(value.grad, 1.0)
