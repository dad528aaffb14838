"""What hooks make of gradients, checked."""

from __future__ import annotations

from typing import Any

from refgrad.engine.graph import TensorBase


def run_post_accumulate(hooks: list[Any], leaf: Any) -> None:
    """Call each hook on the leaf.

    Errors: as for other hooks; RuntimeError where one returned another tensor that would fit.
    """
    value = leaf
    for hook in hooks:
        value = replaced(hook, value)
    if value is not leaf:
        raise RuntimeError("Tensor post accumulate grad hooks should return None.")


def replaced(hook: Any, old: Any) -> Any:
    """What a hook made of a gradient; None means it looked only.

    Errors: TypeError for anything but a tensor; RuntimeError for another type or shape.
    """
    new = hook(old)
    return old if new is None else checked(hook, new, old)


def checked(hook: Any, new: Any, old: Any) -> Any:
    """A hook's gradient, if it can stand in for the old one."""
    if old is None:
        raise RuntimeError("can't replace a None gradient with a non-None value")
    if not isinstance(new, TensorBase):
        raise TypeError(f"expected Variable, but hook returned '{type(new).__name__}'")
    name = getattr(hook, "__name__", type(hook).__name__)
    if new._array.shape != old._array.shape:
        raise RuntimeError(f"hook '{name}' has changed the size of value")
    if new._array.dtype != old._array.dtype:
        raise RuntimeError(f"hook '{name}' has changed the type of value (was {old.type()} got {new.type()})")  # type: ignore[attr-defined]
    return new


def replaced_all(hook: Any, args: tuple[Any, ...], old: list[Any]) -> list[Any]:
    """As ``replaced``, for the hooks of a node, which see all gradients at once."""
    new = hook(*args)
    if new is None:
        return old
    if not isinstance(new, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(new).__name__}'")
    if len(new) != len(old):
        name = getattr(hook, "__name__", type(hook).__name__)
        raise RuntimeError(
            f"hook '{name}' has returned an incorrect number of values (got {len(new)}, but expected {len(old)})"
        )
    return [None if n is None else checked(hook, n, o) for n, o in zip(new, old)]
