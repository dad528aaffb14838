"""Modules as functions of their parameters: ``functional_call`` and ``stack_module_state``."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from refgrad.engine import ops

__all__ = ["functional_call", "stack_module_state"]


def functional_call(
    module: Any,
    parameter_and_buffer_dicts: Any,
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """``module(*args, **kwargs)`` with other tensors in the place of its parameters and buffers, which it keeps.

    Errors: ValueError for what is no dictionary, or two with one key; RuntimeError with ``strict``, for
    unexpected and missing keys.
    """
    given = merged(parameter_and_buffer_dicts)
    places = slots(module)
    if strict:
        check_keys(module, places, given)
    given = {name: value for name, value in given.items() if name in places}
    if tie_weights:
        given = tied(places, given)
    values = () if args is None else args if isinstance(args, tuple) else (args,)
    with swapped(places, given):
        return module(*values, **(kwargs or {}))


def merged(dicts: Any) -> dict[str, Any]:
    """One dictionary of one or several.

    Errors: ValueError.
    """
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, Sequence):
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}"
        )
    if not all(isinstance(d, dict) for d in dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    keys = [key for d in dicts for key in d]
    repeated = [key for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if repeated:
        raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
    return {key: value for d in dicts for key, value in d.items()}


Place = tuple[dict[str, Any], str]


def slots(module: Any, prefix: str = "") -> dict[str, Place]:
    """Where each parameter and buffer is held: a module's table, and the name in it."""
    found: dict[str, Place] = {}
    for table in (module._parameters, module._buffers):
        found |= {prefix + name: (table, name) for name, value in table.items() if value is not None}
    for name, child in module._modules.items():
        if child is not None:
            found |= slots(child, f"{prefix}{name}.")
    return found


def check_keys(module: Any, places: dict[str, Place], given: dict[str, Any]) -> None:
    """Refuse keys that the module does not have, and those that are missing.

    Errors: RuntimeError.
    """
    unexpected, missing = sorted(given.keys() - places.keys()), sorted(places.keys() - given.keys())
    messages = [f"Unexpected key(s): {', '.join(map(repr, unexpected))}."] if unexpected else []
    if missing:
        messages.append(f"Missing key(s): {', '.join(map(repr, missing))}.")
    if messages:
        details = "\n\t".join(messages)
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:\n\t{details}")


def tied(places: dict[str, Place], given: dict[str, Any]) -> dict[str, Any]:
    """``given``, completed: a tensor that the module holds under several names is replaced under all of them.

    Errors: ValueError for several values of one.
    """
    families: dict[int, list[str]] = {}
    for name, (table, key) in places.items():
        families.setdefault(id(table[key]), []).append(name)
    complete = dict(given)
    for names in families.values():
        values = {id(given[name]): given[name] for name in names if name in given}
        if len(values) > 1:
            raise ValueError(
                f"functional_call got multiple values for keys {sorted(names)}, which are tied. Consider using tie_weights=False"
            )
        for value in values.values():
            complete.update(dict.fromkeys(names, value))
    return complete


@contextlib.contextmanager
def swapped(places: dict[str, Place], given: dict[str, Any]) -> Iterator[None]:
    """Put ``given`` into its places, and what was there back afterwards."""
    held = {name: places[name][0][places[name][1]] for name in given}
    try:
        for name, value in given.items():
            table, key = places[name]
            table[key] = value
        yield
    finally:
        for name, value in held.items():
            table, key = places[name]
            table[key] = value


def stack_module_state(models: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters and the buffers of all ``models`` by name, each stacked into a new leaf.

    Errors: RuntimeError for no models, or unlike ones.
    """
    if not models:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    if len({bool(m.training) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if len({type(m) for m in models}) > 1:
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    params = [dict(m.named_parameters()) for m in models]
    buffers = [dict(m.named_buffers()) for m in models]
    return _stacked(params), _stacked(buffers)


def _stacked(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: _stacked_leaf([row[name] for row in rows], name) for name in rows[0]}


def _stacked_leaf(tensors: list[Any], name: str) -> Any:
    wanted = {t.requires_grad for t in tensors}
    if len(wanted) > 1:
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    result = ops.stack(tensors)
    return result.detach().requires_grad_() if wanted == {True} else result
