"""What the graph of a tensor says, by NumPy: nothing is scheduled or compiled, which takes a hundredth of the time.

tinygrad's autograd is in the graph: these are its numbers before its compiler has touched them.
"""

import numpy as np
from tinygrad.dtype import strong_dtype
from tinygrad.uop.ops import GroupOp, Ops

from refgrad_tinygrad.library import stored


class NotEvaluated(Exception):
    """An op of the graph that is left to tinygrad."""


def double(function):
    """In double precision, as tinygrad's emulator of kernels."""
    return lambda x: function(x.astype(np.float64))


def larger(x, y):
    """Python's, as the emulator's: nan is not larger, nor is anything larger than nan."""
    return np.where(y > x, y, x)


# an op that is not here is tinygrad's own
ELEMENTWISE = {
    Ops.EXP2: double(np.exp2),
    Ops.LOG2: double(np.log2),
    Ops.SIN: double(np.sin),
    Ops.SQRT: double(np.sqrt),
    Ops.RECIPROCAL: double(np.reciprocal),
    Ops.TRUNC: np.trunc,
    Ops.MAX: larger,
    Ops.ADD: np.add,
    Ops.MUL: np.multiply,
    Ops.POW: np.power,
    Ops.FLOORMOD: np.remainder,
    Ops.CMOD: np.fmod,
    Ops.CMPLT: np.less,
    Ops.CMPNE: np.not_equal,
    Ops.CMPEQ: np.equal,
    Ops.WHERE: np.where,
    Ops.XOR: np.bitwise_xor,
    Ops.OR: np.bitwise_or,
    Ops.AND: np.bitwise_and,
    Ops.SHL: np.left_shift,
    Ops.SHR: np.right_shift,
}
REDUCED = {Ops.ADD: np.add, Ops.MUL: np.multiply, Ops.MAX: np.fmax}


def dtype_of(*nodes):
    """The NumPy dtype in which the nodes meet; numbers that have no dtype yet are as wide as Python's."""
    strong = [node.dtype for node in nodes if node.dtype.fmt]
    return np.dtype(max(strong).fmt if strong else float if any("float" in node.dtype.name for node in nodes) else int)


def calculated(node, *sources):
    meeting = node.src if node.op in GroupOp.Comparison else (node,)
    first = 1 if node.op is Ops.WHERE else 0  # the condition stays a condition
    operands = [source.astype(dtype_of(*meeting)) for source in sources[first:]]
    return np.asarray(ELEMENTWISE[node.op](*sources[:first], *operands)).astype(dtype_of(node))


def reduced(node, source):
    how, axes = node.arg
    least = {"initial": node.dtype.min} if how is Ops.MAX else {}
    return REDUCED[how].reduce(source, tuple(range(axes)), dtype=source.dtype, **least)


def padded(node, source, *_):
    return np.pad(source, [(at, size - at - n) for (at, size), n in zip(node.marg, source.shape, strict=True)])


def constant(node):
    if node.is_invalid:
        raise NotEvaluated("a value that nobody may read")
    return np.array(node.val, dtype_of(node))


def memory(node, *_):
    """Of a buffer; of one that is yet to be written, zeros, which nobody reads."""
    if node.realized is None:
        return np.zeros(node.shape, dtype_of(node))
    return np.frombuffer(node.buffer.as_memoryview(allow_zero_copy=True), dtype_of(node)).reshape(node.shape)


def written(node, _, stored):
    """What a buffer holds after it is written, as a whole."""
    store = node.src[1]
    if store.op is not Ops.STORE or store.src[0] is not node.src[0]:
        raise NotEvaluated("a part that is written")
    return stored.astype(dtype_of(node))


EVALUATED = {
    **dict.fromkeys(ELEMENTWISE, calculated),
    **dict.fromkeys((Ops.CONTIGUOUS, Ops.CONTIGUOUS_BACKWARD, Ops.DETACH, Ops.COPY), lambda node, source: source),
    Ops.CONST: constant,
    Ops.BUFFER: memory,
    Ops.STORE: lambda node, _, value: value,
    Ops.AFTER: written,
    Ops.CAST: lambda node, source: source.astype(dtype_of(node)),
    Ops.STACK: lambda node, *sources: np.stack(sources) if sources else None,
    Ops.RESHAPE: lambda node, source, _: source.reshape(node.marg),
    Ops.EXPAND: lambda node, source, _: np.broadcast_to(source, (*node.marg, *source.shape)),
    Ops.PERMUTE: lambda node, source: source.transpose(node.marg),
    Ops.FLIP: lambda node, source: np.flip(source, [axis for axis, turned in enumerate(node.marg) if turned]),
    Ops.SHRINK: lambda node, source, *_: source[tuple(slice(at, at + size) for at, size in node.marg)],
    Ops.PAD: padded,
    Ops.REDUCE: reduced,
}


def read(value):
    """The array that a tensor stands for; where its graph has what NumPy is not asked for, tinygrad's."""
    try:
        return evaluated(value.uop)
    except NotEvaluated:
        return stored(value).numpy()


def evaluated(result):
    """The array that a node of the graph stands for.

    Errors: NotEvaluated for an op that is left to tinygrad.
    """
    values = {}
    with np.errstate(all="ignore"):
        for node in result.toposort():
            if node.op not in EVALUATED:
                raise NotEvaluated(node.op.name)
            values[node] = EVALUATED[node.op](node, *(values[source] for source in node.src))
    return values[result].astype(strong_dtype(result.dtype).fmt)
