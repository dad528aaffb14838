"""Tables that are looked up by index: rows, sums of rows, and rows of an identity."""

from __future__ import annotations

from typing import Any

import numpy as np

from refgrad.engine import dtypes, ops
from refgrad.engine.grad_mode import no_grad
from refgrad.engine.ops.forms import no_tangent
from refgrad.engine.primitive import primitive, wrap

__all__ = ["embedding", "embedding_bag", "one_hot"]


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """A row of ``num_classes`` numbers for each index, 1 at the index and 0 elsewhere.

    Errors: RuntimeError for anything but int64, and for indices out of range.
    """
    index = np.asarray(tensor._array)
    if index.dtype != np.int64:
        raise RuntimeError("one_hot is only applicable to index tensor of type LongTensor.")
    if not index.size and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    if index.size and index.min() < 0:
        raise RuntimeError("Class values must be non-negative.")
    classes = int(index.max()) + 1 if num_classes == -1 else num_classes
    if index.size and index.max() >= classes:
        raise RuntimeError("Class values must be smaller than num_classes.")
    return wrap((index[..., None] == np.arange(classes)).astype(np.int64))


# rows -----------------------------------------------------------------------------------------------------------------


@primitive(name="EmbeddingBackward0")
def _embedding(weight: Any, indices: Any, /, padding_idx: int, scale_grad_by_freq: bool) -> Any:
    if weight.ndim != 2:
        raise RuntimeError("'weight' must be 2-D")
    if indices.dtype.kind != "i" or indices.dtype.itemsize < 4:
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got "
            f"torch.{dtypes.of(indices.dtype).tensor_type} instead (while checking arguments for embedding)"
        )
    if np.any((indices < 0) | (indices >= weight.shape[0])):
        raise IndexError("index out of range in self")
    return weight[indices]


_embedding.defvjp(
    weight=lambda grad, indices, weight_shape, padding_idx, scale_grad_by_freq: embedding_dense_backward(
        grad, indices, weight_shape[0], padding_idx, scale_grad_by_freq
    )
)


@primitive()
def embedding_dense_backward(
    grad_output: Any, indices: Any, /, num_weights: int, padding_idx: int, scale_grad_by_freq: bool
) -> Any:
    """The gradient of ``embedding``: the sum over each row's uses, 0 for the padding."""
    rows, flat = np.reshape(grad_output, (-1, grad_output.shape[-1])), np.reshape(indices, -1)
    if scale_grad_by_freq:
        rows = rows / np.bincount(flat, minlength=num_weights)[flat].astype(rows.dtype)[:, None]
    result = np.zeros((num_weights, rows.shape[1]), rows.dtype)
    np.add.at(result, flat[flat != padding_idx], rows[flat != padding_idx])
    return result


embedding_dense_backward.defvjp(
    grad_output=lambda grad, indices, padding_idx: ops.masked_fill(
        _embedding(grad, indices, padding_idx, False), ops.unsqueeze(indices == padding_idx, -1), 0
    )
)


def cut_rows(weight: Any, indices: Any, max_norm: float, norm_type: float) -> None:
    """Scale the rows at ``indices`` that are longer than ``max_norm`` down to it, in place, each once."""
    with no_grad():
        for i in sorted(set(indices.reshape(-1).tolist())):
            norm = weight[i].norm(norm_type).item()
            if norm > max_norm:
                weight[i].mul_(max_norm / (norm + 1e-7))


def embedding(
    input: Any, weight: Any, padding_idx: int | None = None, max_norm: float | None = None, norm_type: float = 2.0,
    scale_grad_by_freq: bool = False, sparse: bool = False,
) -> Any:  # fmt: skip
    """The rows of ``weight`` at ``input``; no gradient reaches the row ``padding_idx``.

    With ``max_norm``, rows that are longer are first cut to it, in place.
    Errors: AssertionError for a padding row that there is not; IndexError for an index out of range;
    NotImplementedError for sparse gradients.
    """
    if sparse:
        raise NotImplementedError("sparse gradients are not supported")
    if padding_idx is not None and not -weight.shape[0] <= padding_idx < weight.shape[0]:
        raise AssertionError("Padding_idx must be within num_embeddings")
    if max_norm is not None:
        cut_rows(weight, input, max_norm, norm_type)
    row = -1 if padding_idx is None else padding_idx % weight.shape[0]
    return _embedding(weight, input, row, scale_grad_by_freq)


# bags of rows ---------------------------------------------------------------------------------------------------------


def _array(x: Any) -> Any:
    return np.asarray(getattr(x, "_array", x))


def _like(value: Any, x: Any) -> Any:
    """``value`` as what ``x`` is: a tensor, or an array."""
    return wrap(value) if hasattr(x, "_array") else value


def _bags(indices: Any, offsets: Any) -> Any:
    """For each index the bag that it is in."""
    return np.searchsorted(_array(offsets), np.arange(len(_array(indices))), side="right") - 1


def _counts(indices: Any, offsets: Any, padding_idx: int) -> Any:
    """How many indices are in each bag, the padding not counted."""
    kept = _array(indices) != padding_idx
    return np.bincount(_bags(indices, offsets)[kept], minlength=len(_array(offsets)))


def _largest(weight: Any, indices: Any, offsets: Any, padding_idx: int) -> Any:
    """For each bag and column the row of the largest element, the first of equals; -1 where the bag is empty."""
    table, flat = _array(weight), _array(indices)
    result = np.full((len(_array(offsets)), table.shape[1]), -1)
    columns = np.arange(table.shape[1])
    for row, bag in zip(flat, _bags(indices, offsets)):
        if row != padding_idx:
            larger = (result[bag] < 0) | (table[row] > table[result[bag], columns])
            result[bag] = np.where(larger, row, result[bag])
    return result


@primitive()
def _embedding_bag(
    weight: Any, per_sample_weights: Any, indices: Any, offsets: Any, /, rows: Any, mode: str, padding_idx: int,
    scale_grad_by_freq: bool,
) -> Any:  # fmt: skip
    if mode == "max":
        return np.where(rows < 0, weight.dtype.type(0), np.take_along_axis(weight, rows, 0))
    taken = weight[indices] if per_sample_weights is None else weight[indices] * per_sample_weights[:, None]
    kept = indices != padding_idx
    result = np.zeros((len(offsets), weight.shape[1]), weight.dtype)
    np.add.at(result, _bags(indices, offsets)[kept], taken[kept])
    if mode == "mean":
        result /= np.maximum(_counts(indices, offsets, padding_idx), 1).astype(weight.dtype)[:, None]
    return result


def _rows_vjp(
    grad: Any, weight_shape: Any, per_sample_weights: Any, indices: Any, offsets: Any, rows: Any, mode: str,
    padding_idx: int, scale_grad_by_freq: bool,
) -> Any:  # fmt: skip
    if mode == "max":
        given = ops.masked_fill(grad, _like(rows < 0, grad), 0)
        return ops.scatter_add(ops.zeros_as(grad, weight_shape), 0, _like(rows.clip(0), grad), given)
    if mode == "mean":
        counts = _counts(indices, offsets, padding_idx).clip(1).astype(_array(grad).dtype)
        grad = grad / _like(counts[:, None], grad)
    flow = ops.index_select(grad, 0, _like(_bags(indices, offsets), grad))
    flow = flow if per_sample_weights is None else flow * ops.unsqueeze(per_sample_weights, 1)
    return embedding_dense_backward(flow, indices, weight_shape[0], padding_idx, scale_grad_by_freq)


def _per_sample_vjp(grad: Any, weight: Any, indices: Any, offsets: Any, padding_idx: int) -> Any:
    flow = ops.index_select(grad, 0, _like(_bags(indices, offsets), grad))
    product = ops.sum(flow * ops.index_select(weight, 0, indices), 1)
    return ops.masked_fill(product, indices == padding_idx, 0)


_embedding_bag.defvjp(_rows_vjp, _per_sample_vjp)
_embedding_bag.defjvp(no_tangent("_embedding_bag"), no_tangent("_embedding_bag"))


def _check_bags(input: Any, weight: Any, offsets: Any, per_sample_weights: Any, mode: str) -> None:
    """Refuse what does not fit together.

    Errors: ValueError; NotImplementedError for weights of samples in other modes than ``"sum"``.
    """
    if per_sample_weights is not None and tuple(input.shape) != tuple(per_sample_weights.shape):
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, then it must have the same "
            f"shape as the input ({input.shape})"
        )
    if weight.ndim != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    if input.ndim not in (1, 2):
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}")
    if input.ndim == 2 and offsets is not None:
        raise ValueError(
            "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences. "
            f"However, found offsets of type {type(offsets)}"
        )
    if input.ndim == 1 and offsets is None:
        raise ValueError("offsets has to be a 1D Tensor but got None")
    if input.ndim == 1 and offsets.ndim != 1:
        raise ValueError("offsets has to be a 1D Tensor")
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum, mean or max")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' (got "
            f"mode='{mode}'). Please open a feature request on GitHub."
        )


def _check_offsets(indices: Any, offsets: Any, rows: int) -> None:
    if len(offsets) and offsets[0] != 0:
        raise RuntimeError(
            "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got "
            f"{offsets[0]}"
        )
    if len(offsets) and offsets[-1] > len(indices):
        raise RuntimeError(
            f"offsets[-1] can not be greater than input's length {len(indices)} but got offsets[-1] of {offsets[-1]}"
        )
    wrong = indices[(indices < 0) | (indices >= rows)]
    if wrong.size:
        raise RuntimeError(f"embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be {wrong[0]}")


def embedding_bag(
    input: Any, weight: Any, offsets: Any = None, max_norm: float | None = None, norm_type: float = 2,
    scale_grad_by_freq: bool = False, mode: str = "mean", sparse: bool = False, per_sample_weights: Any = None,
    include_last_offset: bool = False, padding_idx: int | None = None,
) -> Any:  # fmt: skip
    """The sum, mean or maximum of the rows of ``weight`` in each bag of indices.

    Shapes: input ``(bags, n)``, or ``(n,)`` with the ``offsets`` at which the bags start.
    Errors: ValueError for shapes that do not fit; RuntimeError for offsets and indices out of range.
    """
    _check_bags(input, weight, offsets, per_sample_weights, mode)
    if mode == "max" and scale_grad_by_freq:
        raise ValueError("max mode does not support scaling the gradient by the frequency")
    if sparse:
        raise NotImplementedError("sparse gradients are not supported")
    if input.ndim == 2:
        offsets = wrap(np.arange(0, input.shape[0] * input.shape[1], input.shape[1] or 1))
        include_last_offset, input = False, ops.reshape(input, (-1,))
        per_sample_weights = None if per_sample_weights is None else ops.reshape(per_sample_weights, (-1,))
    if max_norm is not None:
        cut_rows(weight, input, max_norm, norm_type)
    starts = offsets[:-1] if include_last_offset else offsets
    _check_offsets(_array(input), _array(starts), weight.shape[0])
    row = -1 if padding_idx is None else padding_idx % weight.shape[0]
    rows = _largest(weight, input, starts, row) if mode == "max" else None
    return _embedding_bag(weight, per_sample_weights, input, starts, rows, mode, row, scale_grad_by_freq)
