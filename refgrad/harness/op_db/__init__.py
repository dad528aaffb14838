"""The catalogue of ops: records with samples and wrong inputs, a chapter a file, as in PyTorch's manual."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from refgrad.errors import RefgradError
from refgrad.harness.opinfo import OpInfo

__all__ = ["chapters", "find", "ops"]


@cache
def chapters() -> dict[str, tuple[OpInfo, ...]]:
    """The records of each chapter, by the name of its file."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__) if each.name != "samples")
    return {name: importlib.import_module(f"{__name__}.{name}").OPS for name in names}


def ops() -> tuple[OpInfo, ...]:
    """Every record."""
    return tuple(op for records in chapters().values() for op in records)


def find(names: list[str]) -> tuple[OpInfo, ...]:
    """The records, all variants, of ops called so.

    Errors: ``RefgradError`` for a name that no record has, with the names nearest to it.
    """
    from difflib import get_close_matches

    known = {op.name for op in ops()}
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, 3)
            raise RefgradError(f"no op is called {name!r}" + f"; do you mean {', '.join(near)}?" * bool(near))
    return tuple(op for op in ops() if op.name in names)
