"""Nested tuples, lists and dictionaries, taken apart into leaves and put together again.

Source: ``torch.utils._pytree``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["TreeSpec", "broadcast", "flatten", "leaves", "map_leaves", "unflatten"]


@dataclass(frozen=True, slots=True)
class TreeSpec:
    """The shape of a tree: ``kind`` is None for a leaf, ``keys`` are a dictionary's."""

    kind: Any
    keys: tuple[Any, ...] | None
    children: tuple[TreeSpec, ...]

    def __repr__(self) -> str:
        if self.kind is None:
            return "*"
        context = None if self.keys is None else list(self.keys)
        inner = ",\n  ".join(repr(child).replace("\n", "\n  ") for child in self.children)
        return f"TreeSpec({self.kind.__name__}, {context}, [{inner}])"

    def brief(self) -> str:
        """The tree with a star for each leaf."""
        if self.kind is None:
            return "*"
        inner = [child.brief() for child in self.children]
        if self.keys is not None:
            return "{" + ", ".join(f"{key!r}: {child}" for key, child in zip(self.keys, inner)) + "}"
        if self.kind is list:
            return f"[{', '.join(inner)}]"
        return f"({', '.join(inner)}{',' if len(inner) == 1 else ''})"


LEAF = TreeSpec(None, None, ())


def is_named(tree: Any) -> bool:
    """Whether ``tree`` is a named tuple."""
    return isinstance(tree, tuple) and hasattr(tree, "_fields")


def parts(tree: Any) -> tuple[tuple[Any, ...] | None, tuple[Any, ...]] | None:
    """The keys and children of a node; None for a leaf."""
    if type(tree) in (dict, OrderedDict):
        return tuple(tree), tuple(tree.values())
    if type(tree) in (tuple, list) or is_named(tree):
        return None, tuple(tree)
    return None


def flatten(tree: Any) -> tuple[list[Any], TreeSpec]:
    """The leaves from left to right, and the tree without them."""
    held = parts(tree)
    if held is None:
        return [tree], LEAF
    keys, children = held
    flat = [flatten(child) for child in children]
    return [leaf for found, _ in flat for leaf in found], TreeSpec(type(tree), keys, tuple(spec for _, spec in flat))


def leaves(tree: Any) -> list[Any]:
    """The leaves from left to right."""
    return flatten(tree)[0]


def unflatten(found: Iterable[Any], spec: TreeSpec) -> Any:
    """The tree with these leaves."""
    return _build(iter(found), spec)


def _build(found: Any, spec: TreeSpec) -> Any:
    if spec.kind is None:
        return next(found)
    children = [_build(found, child) for child in spec.children]
    if spec.keys is not None:
        return spec.kind(zip(spec.keys, children))
    return spec.kind(*children) if hasattr(spec.kind, "_fields") else spec.kind(children)


def map_leaves(fn: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with ``fn`` of each leaf."""
    found, spec = flatten(tree)
    return unflatten(map(fn, found), spec)


def broadcast(tree: Any, spec: TreeSpec) -> list[Any] | None:
    """A leaf of ``tree`` for each leaf of ``spec``, of which ``tree`` may be a prefix; None where it is not."""
    held = parts(tree)
    if held is None:
        return [tree] * count(spec)
    keys, children = held
    if spec.kind is not type(tree) or keys != spec.keys or len(children) != len(spec.children):
        return None
    rows = [broadcast(child, below) for child, below in zip(children, spec.children)]
    return None if any(row is None for row in rows) else [leaf for row in rows for leaf in row or ()]


def count(spec: TreeSpec) -> int:
    """The number of leaves."""
    return 1 if spec.kind is None else sum(map(count, spec.children))
