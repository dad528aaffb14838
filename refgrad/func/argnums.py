"""Which positional arguments a transform differentiates for."""

from __future__ import annotations

from typing import Any

__all__ = ["chosen", "replaced"]


def chosen(args: tuple[Any, ...], argnums: Any) -> Any:
    """The arguments that ``argnums`` names: one, or a tuple.

    Errors: RuntimeError for what names none, or one twice.
    """
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if isinstance(argnums, int):
        return args[position(argnums, len(args))]
    positions = tuple(position(argnum, len(args)) for argnum in argnums)
    if not positions:
        raise RuntimeError("argnums must be non-empty")
    if len(set(positions)) != len(positions):
        raise RuntimeError(f"argnums elements must be unique, got {positions}")
    return tuple(args[i] for i in positions)


def replaced(args: tuple[Any, ...], argnums: Any, values: Any) -> tuple[Any, ...]:
    """``args`` with other ``values`` where ``argnums`` points."""
    new = list(args)
    rows = [(argnums, values)] if isinstance(argnums, int) else list(zip(argnums, values))
    for argnum, value in rows:
        new[position(argnum, len(args))] = value
    return tuple(new)


def position(argnum: Any, count: int) -> int:
    """``argnum``, counted from the front.

    Errors: RuntimeError for no integer, and beyond the arguments.
    """
    if not isinstance(argnum, int):
        raise RuntimeError(f"argnum must be int, got: {type(argnum)}")
    if not -count <= argnum < count:
        raise RuntimeError(f"Got argnum={argnum}, but only {count} positional inputs")
    return argnum % count
