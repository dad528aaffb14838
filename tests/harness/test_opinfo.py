"""Records of ops: arrays that stay the same, layouts, lists of tensors, repeated tensors."""

import numpy as np
import pytest

import refgrad
from refgrad.harness.op_db.samples import constant, dtype, integers, op, real, same, sample, values
from refgrad.harness.opinfo import Array, bind
from refgrad.harness.questions import picked


def run(record, each):
    fn, arrays = bind(record, each)
    tensors = [refgrad.from_numpy(np.array(array)).requires_grad_() for array in arrays]
    return fn(refgrad, *tensors), tensors


def test_arrays_stay():
    """The arrays of a sample are the same in every run, and their numbers are short."""
    assert Array((3,)).base(7).tolist() == Array((3,)).base(7).tolist() == [-1.695, 1.12, -0.246]


def test_arguments_differ():
    """Two arguments of one shape are not alike."""
    _, (a, b) = bind(op("add", sample(real(3), real(3))), sample(real(3), real(3)))
    assert not np.array_equal(a, b)


@pytest.mark.parametrize(
    ("layout", "stride", "base"),
    [("transposed", (1, 2), (3, 2)), ("strided", (6, 2), (2, 6)), ("expanded", (0, 1), (1, 3))],
)
def test_layout(layout, stride, base):
    """The op sees a tensor of the shape asked for, that lies in memory as asked."""
    each = sample(real(2, 3, layout=layout))
    _, (array,) = bind(op("alias", each), each)
    seen = each.args[0].view(refgrad, refgrad.from_numpy(array))
    assert (tuple(seen.shape), seen.stride(), array.shape) == ((2, 3), stride, base)


def test_lists_and_keywords():
    """Tensors may stand in lists and under keywords; dtypes become the library's own."""
    (found,), tensors = run(op("cat", ()), sample([real(2), real(1)], dim=0))
    assert (found.shape, len(tensors)) == ((3,), 2)
    (found,), _ = run(op("sum", ()), sample(real(2), dtype=dtype("float32")))
    assert found.dtype is refgrad.float32


def test_constants_are_not_asked():
    """Integers, and what is declared constant, are no part of the arrays that gradients are asked of."""
    _, arrays = bind(op("where", ()), sample(integers(3, below=2), constant(real(3)), values([1.0, 2.0, 3.0])))
    assert [array.tolist() for array in arrays] == [[1.0, 2.0, 3.0]]


def test_constants_are_made_first():
    """A backend that wants them first gets a function that makes no tensors of arrays, of one result, too."""
    record = op("where", ())
    each = sample(values([True, False, True]), values([1.0, 2.0, 3.0]), constant(real(3)))
    fn, (array,) = bind(record, each)
    made = []

    class Counting:
        """refgrad, counting the tensors that it makes."""

        Tensor, where = refgrad.Tensor, staticmethod(refgrad.where)

        @staticmethod
        def tensor(array, **named):
            made.append(array)
            return refgrad.tensor(array, **named)

    ready = picked(fn, 0).with_constants(Counting)
    assert len(made) == 2
    expected = fn(Counting, refgrad.tensor(array))[0]
    assert len(made) == 4
    assert refgrad.equal(ready(Counting, refgrad.tensor(array)), expected)
    assert len(made) == 4


def test_same():
    """A repeated tensor is one tensor."""
    (found,), (tensor,) = run(op("mul", ()), sample(real(3), same(0)))
    found.sum().backward()
    assert tensor.grad.tolist() == (2 * tensor).tolist()


def test_name():
    """A sample's name says what is in it."""
    each = sample(
        real(2, 3, dtype="float32", layout="transposed"), [values([1, 2])], same(0), 2.5, dim=-1, dtype=dtype("int8")
    )
    assert str(each) == "float32[2, 3] transposed, (int64[1, 2]), same as 0, 2.5, dim=-1, dtype=int8"
