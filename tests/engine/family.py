"""Random programs on a family of tensors that share memory: views of views, writes through them, and uses in between.

A program is a list of statements ``(kind, name, tensor, a, b, under_no_grad)``; numbers stand for tensors, dimensions and
indices modulo what there is, so that every program means something and shrinks well.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tests.engine.live import Raised, attempt, facts, plain

Statement = tuple[str, str, int, int, int, bool]


def _dim(t: Any, a: int) -> int:
    return a % max(t.dim(), 1)


def _size(t: Any, a: int) -> int:
    return t.size(_dim(t, a)) if t.dim() else 1


VIEWS: dict[str, Callable[[Any, int, int], Any]] = {
    "select": lambda t, a, b: t.select(_dim(t, a), b % max(_size(t, a), 1)),
    "item": lambda t, a, b: t[b % 3],
    "from": lambda t, a, b: t[min(b % 2, t.size(0) - 1) :],
    "step": lambda t, a, b: t[..., :: 1 + b % 2],
    "all": lambda t, a, b: t[...],
    "none": lambda t, a, b: t[None],
    "narrow": lambda t, a, b: t.narrow(_dim(t, a), b % 2, 1),
    "transpose": lambda t, a, b: t.transpose(_dim(t, a), _dim(t, b)),
    "t": lambda t, a, b: t.t(),
    "permute": lambda t, a, b: t.permute(*reversed(range(t.dim()))),
    "unsqueeze": lambda t, a, b: t.unsqueeze(a % (t.dim() + 1)),
    "squeeze": lambda t, a, b: t.squeeze(),
    "view": lambda t, a, b: t.view(-1),
    "fold": lambda t, a, b: t.view(2, -1),
    "reshape": lambda t, a, b: t.reshape(-1),
    "expand": lambda t, a, b: t.unsqueeze(0).expand(2, *t.shape),
    "diagonal": lambda t, a, b: t.diagonal(b % 3 - 1),
    "as_strided": lambda t, a, b: t.as_strided((2,), (1 + a % 2,)) if t.numel() > 3 else t[...],
    "unbind": lambda t, a, b: t.unbind(_dim(t, a))[0],
    "split": lambda t, a, b: t.split(1)[-1],
    "chunk": lambda t, a, b: t.chunk(2)[0],
    "iterate": lambda t, a, b: next(iter(t)),
    "detach": lambda t, a, b: t.detach(),
    "data": lambda t, a, b: t.data,
}
WRITES: dict[str, Callable[[Any, Any, int], Any]] = {
    "add_": lambda t, o, a: t.add_(o),
    "add_scaled": lambda t, o, a: t.add_(o, alpha=3),
    "add_number": lambda t, o, a: t.add_(1),
    "sub_": lambda t, o, a: t.sub_(o),
    "mul_": lambda t, o, a: t.mul_(o),
    "mul_number": lambda t, o, a: t.mul_(2.0),
    "mul_itself": lambda t, o, a: t.mul_(t),
    "div_": lambda t, o, a: t.div_(2.0),
    "pow_": lambda t, o, a: t.pow_(2),
    "neg_": lambda t, o, a: t.neg_(),
    "sin_": lambda t, o, a: t.sin_(),
    "sigmoid_": lambda t, o, a: t.sigmoid_(),
    "relu_": lambda t, o, a: t.relu_(),
    "copy_": lambda t, o, a: t.copy_(o),
    "zero_": lambda t, o, a: t.zero_(),
    "fill_": lambda t, o, a: t.fill_(0.5),
    "set_item": lambda t, o, a: t.__setitem__(a % 2, 0.25),
    "set_slice": lambda t, o, a: t.__setitem__(slice(a % 2, None), o),
    "set_all": lambda t, o, a: t.__setitem__(Ellipsis, o),
    "set_mask": lambda t, o, a: t.__setitem__(t.detach() > 1, 0.75),
    "masked_fill_": lambda t, o, a: t.masked_fill_(t.detach() > 1, 2.0),
    "requires_grad_": lambda t, o, a: t.requires_grad_(),
    "unsqueeze_": lambda t, o, a: t.unsqueeze_(0),
    "transpose_": lambda t, o, a: t.transpose_(_dim(t, a), -1),
}
USES: dict[str, Callable[[Any, Any, int], Any]] = {
    "square": lambda t, o, a: t * t,
    "times": lambda t, o, a: t * o,
    "plus": lambda t, o, a: t + o,
    "sin": lambda t, o, a: t.sin(),
    "sigmoid": lambda t, o, a: t.sigmoid(),
    "clone": lambda t, o, a: t.clone(),
    "sum": lambda t, o, a: t.sum(),
}
OF_DIMENSIONS = {
    "item",
    "from",
    "step",
    "set_item",
    "set_slice",
    "iterate",
    "permute",
}  # what a 0-d tensor says to these, its own test asks


def statements(views: int = 3, writes: int = 3, uses: int = 2) -> st.SearchStrategy[Statement]:
    """A statement, of a kind as often as its weight says."""
    tables = [("view", VIEWS)] * views + [("write", WRITES)] * writes + [("use", USES)] * uses
    number = st.integers(0, 7)
    return st.sampled_from(tables).flatmap(
        lambda entry: st.tuples(
            st.just(entry[0]),
            st.sampled_from(sorted(entry[1])),
            number,
            number,
            number,
            st.sampled_from([False, False, False, True]),
        )
    )


STARTS = st.tuples(
    st.sampled_from([(2, 3), (3, 2), (2, 2, 2), (3,), (2, 1), (1, 1), ()]),
    st.sampled_from(["made", "leaf", "constant"]),
)


def programs(**weights: int) -> st.SearchStrategy[Any]:
    """Start, statements, which tensors are differentiated, whether one looks in between, and whether it goes to second order."""
    return st.tuples(
        STARTS,
        st.lists(statements(**weights), min_size=1, max_size=7),
        st.lists(st.integers(0, 12), min_size=1, max_size=3),
        st.booleans(),
        st.booleans(),
    )


def run(xp: Any, program: Any) -> list[Any]:
    """Everything that a program shows on ``xp``."""
    (shape, start), body, roots, watch, twice = program
    log: list[Any] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tensors, leaves = _start(xp, shape, start)
        for statement in body:
            outcome = attempt(lambda s=statement: _step(xp, s, tensors))
            log.append(
                attempt(lambda o=outcome: facts(xp, o)) if watch or not isinstance(outcome, xp.Tensor) else "tensor"
            )
            tensors.append(outcome if isinstance(outcome, xp.Tensor) else tensors[0])
            if watch:
                log.append([_seen(t, tensors) for t in tensors])
        log.append([(_seen(t, tensors), attempt(lambda t=t: facts(xp, t))) for t in tensors])
        log.append(_unnamed(attempt(lambda: _differentiate(xp, tensors, leaves if twice else [], roots))))
        log.append([facts(xp, t.grad) for t in leaves])
    xp.set_grad_enabled(True)
    return log


def _start(xp: Any, shape: tuple[int, ...], start: str) -> tuple[list[Any], list[Any]]:
    count = int(np.prod(shape))
    values = xp.tensor((np.arange(count) * 0.5 + 0.5).reshape(shape).tolist(), dtype=xp.float64)
    other = xp.tensor(1.5, dtype=xp.float64, requires_grad=True)
    x = values.requires_grad_(start != "constant")
    base = x * 1 if start == "made" else x
    return [base, other * 2, x], [x, other]


def _step(xp: Any, statement: Statement, tensors: list[Any]) -> Any:
    kind, name, at, a, b, under_no_grad = statement
    t, other = tensors[at % len(tensors)], tensors[b % len(tensors)]
    if under_no_grad and name in ("transpose_", "unsqueeze_"):
        name = "add_"  # PyTorch leaves the graph with the old shape, and backward fails
    if not t.dim() and name in OF_DIMENSIONS:
        name = "all" if kind == "view" else "add_"
    if kind == "write" and other is not t and _meet(t, other):
        other = other.clone()  # where PyTorch does not see that memory is shared, it reads what it has just written
    with xp.set_grad_enabled(not under_no_grad):
        if kind == "view":
            return VIEWS[name](t, a, b)
        return (WRITES if kind == "write" else USES)[name](t, other, a)


def _unnamed(outcome: Any) -> Any:
    """Without the maker's name in errors of versions: for a view it depends on who has looked at it since."""
    if not isinstance(outcome, Raised):
        return outcome
    return Raised(outcome.kind, re.sub(r", which is output \d+ of \S+,", "", outcome.text))


def _meet(t: Any, other: Any) -> bool:
    return np.shares_memory(t.detach().numpy(), other.detach().numpy())


def _seen(t: Any, tensors: list[Any]) -> Any:
    """What a look at one tensor shows, apart from its values."""
    node = attempt(lambda: t.grad_fn)
    name = node if not hasattr(node, "name") else node.name()
    base = next((i for i, x in enumerate(tensors) if x is t._base), None)
    return [attempt(lambda: t.requires_grad), name, t._version, base, t._is_view(), t.output_nr]


def _differentiate(xp: Any, tensors: list[Any], leaves: list[Any], roots: list[int]) -> Any:
    total = sum((tensors[i % len(tensors)] * (n + 1.5)).sum() for n, i in enumerate(roots))
    total.backward(retain_graph=True)
    wanted = [t for t in leaves if t.requires_grad]
    if wanted:
        first = xp.autograd.grad(total, wanted, create_graph=True, allow_unused=True)
        squares = [(g * g).sum() for g in first if g is not None and g.requires_grad]
        if squares:
            second = xp.autograd.grad(sum(squares), wanted, allow_unused=True)
            return [None if g is None else g.detach().numpy() for g in (*first, *second)]
    return plain(total.grad_fn.name())
