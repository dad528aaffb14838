"""One table for every library that has PyTorch's ops by PyTorch's names, as methods or functions, under other keywords."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from refgrad.harness.adapters.signatures import SIGNATURES

__all__ = ["method_ops"]

Op = Callable[..., Any]
KEYWORDS = {"axis": "dim", "keepdims": "keepdim", "ddof": "correction"}  # what others call it -> PyTorch


def method_ops(
    home: Any, names: Iterable[str] = (), exceptions: Mapping[str, Op | None] | None = None
) -> dict[str, Op]:
    """The ops that ``home``, a class of tensors or a module, has under PyTorch's own names; what it lacks is left out.

    ``names`` are those beyond the usual ones, ``exceptions`` adds, replaces, or with None takes away.
    """
    found = {name: _renamed(getattr(home, name)) for name in (*SIGNATURES, *names) if hasattr(home, name)}
    return {name: op for name, op in (found | dict(exceptions or {})).items() if op is not None}


def _renamed(function: Op) -> Op:
    """``function`` by PyTorch's keywords, and with a signature that says so."""
    signature = inspect.signature(function)
    theirs = {KEYWORDS.get(name, name): name for name in signature.parameters}

    def op(*args: Any, **parameters: Any) -> Any:
        return function(*args, **{theirs[name]: _plain(value) for name, value in parameters.items()})

    op.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[each.replace(name=KEYWORDS.get(name, name)) for name, each in signature.parameters.items()]
    )
    return op


def _plain(value: Any) -> Any:
    """A dtype by its name; anything else as it is."""
    return value.name if isinstance(value, np.dtype) else value
