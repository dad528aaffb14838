"""PyTorch's signatures of the canonical ops: which arguments are tensors, what the others are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["SIGNATURES", "Signature", "split_arguments"]


@dataclass(frozen=True, slots=True)
class Signature:
    """The tensors of an op and the names of its parameters, in order; ``sizes`` may be spread: ``reshape(2, 3)``."""

    tensors: tuple[str, ...]
    parameters: tuple[str, ...] = ()
    sizes: str | None = None


def split_arguments(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The tensors of a call, in order, and its parameters by name; only what the caller gave, no defaults.

    Errors: ``TypeError`` where the call does not fit PyTorch's signature.
    """
    signature = SIGNATURES.get(name)
    if signature is None:  # an op that an adapter adds of its own: passed on as it was called
        return list(args), kwargs
    if signature.sizes and len(args) > len(signature.tensors):
        args = _gather_sizes(args, len(signature.tensors))
    bound = _bind(name, (*signature.tensors, *signature.parameters), args, kwargs)
    tensors = [bound.pop(each) for each in signature.tensors if each in bound]
    return tensors, bound


def _gather_sizes(args: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    sizes = args[count:]
    if len(sizes) == 1 and isinstance(sizes[0], Sequence):
        return args
    return (*args[:count], tuple(sizes))


def _bind(name: str, names: tuple[str, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    bound = dict(zip(names, args, strict=False))
    unknown = [each for each in kwargs if each not in names or each in bound]
    if len(args) > len(names) or unknown:
        raise TypeError(f"{name}() takes ({', '.join(names)}); got {len(args)} positional and {sorted(kwargs)}")
    return bound | kwargs


def _rows(text: str) -> dict[str, Signature]:
    lines = (line.strip().partition(": ") for line in text.strip().splitlines())
    return {name: _signature(rest) for name, _, rest in lines}


def _signature(text: str) -> Signature:
    tensors, _, parameters = text.partition("|")
    sizes = next((each[1:] for each in parameters.split() if each.startswith("*")), None)
    return Signature(tuple(tensors.split()), tuple(each.lstrip("*") for each in parameters.split()), sizes)


UNARY = """abs acos acosh asin asinh atan atanh bitwise_not ceil clone cos cosh erf erfc exp exp2 expm1 floor frac isfinite isinf
 isnan lgamma log log10 log1p log2 logical_not mT neg positive ravel reciprocal relu rsqrt sigmoid sign sin sinc sinh
 sqrt square t tan tanh trunc"""
BINARY = """add atan2 bitwise_and bitwise_or bitwise_xor bmm div dot eq float_power floor_divide fmod ge gt hypot inner kron le logaddexp logaddexp2
 logical_and logical_or logical_xor lt matmul maximum minimum mm mul mv ne outer pow remainder sub true_divide vdot"""

SIGNATURES: dict[str, Signature] = {
    **{name: Signature(("input",)) for name in UNARY.split()},
    **{name: Signature(("input", "other")) for name in BINARY.split()},
    **_rows("""
        add: input other | alpha
        all: input | dim keepdim
        amax: input | dim keepdim
        amin: input | dim keepdim
        any: input | dim keepdim
        argmax: input | dim keepdim
        argmin: input | dim keepdim
        argsort: input | dim descending stable stable
        broadcast_to: input | *size
        cat: tensors | dim
        chunk: input | chunks dim
        clamp: input | min max
        cross: input other | dim
        cumprod: input | dim dtype
        cumsum: input | dim dtype
        diag: input | diagonal
        diagonal: input | offset dim1 dim2
        diff: input | n dim prepend append
        div: input other | rounding_mode
        expand: input | *size
        flatten: input | start_dim end_dim
        flip: input | *dims
        gather: input | dim index
        getitem: input | index
        index_select: input | dim index
        log_softmax: input | dim dtype
        logsumexp: input | dim keepdim
        max: input | dim keepdim
        mean: input | dim keepdim dtype
        median: input | dim keepdim
        min: input | dim keepdim
        movedim: input | source destination
        narrow: input | dim start length
        norm: input | p dim keepdim
        permute: input | *dims
        prod: input | dim keepdim dtype
        repeat: input | *repeats
        reshape: input | *shape
        roll: input | shifts dims
        round: input | decimals
        softmax: input | dim dtype
        sort: input | dim descending stable
        split: input | split_size_or_sections dim
        squeeze: input | dim
        stack: tensors | dim
        std: input | dim correction keepdim unbiased
        sub: input other | alpha
        sum: input | dim keepdim dtype
        take_along_dim: input | indices dim
        tensordot: a b | dims
        tile: input | *dims
        to: input | dtype
        trace: input
        transpose: input | dim0 dim1
        tril: input | diagonal
        triu: input | diagonal
        unbind: input | dim
        unsqueeze: input | dim
        var: input | dim correction keepdim unbiased
        view: input | *shape
        where: condition input other
        nn.functional.elu: input | alpha
        nn.functional.leaky_relu: input | negative_slope
        nn.functional.linear: input weight bias
        nn.functional.softplus: input | beta threshold
        nn.functional.mse_loss: input target | reduction
        nn.functional.cross_entropy: input target weight | reduction ignore_index label_smoothing
    """),
}
