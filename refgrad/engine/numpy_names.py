"""The names that NumPy has for ``dim`` and ``keepdim``, which PyTorch takes too."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

NAMES = {"axis": "dim", "keepdims": "keepdim"}


def taking_numpy_names(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, with ``axis`` and ``keepdims`` for what it calls ``dim`` and ``keepdim``; itself where it has neither."""
    code = inspect.unwrap(function).__code__
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]  # a tenth of a signature's time
    if "axis" in parameters or not set(parameters) & set(NAMES.values()):
        return function

    @functools.wraps(function)
    def named(*args: Any, **kwargs: Any) -> Any:
        if kwargs and NAMES.keys() & kwargs.keys():
            kwargs = {NAMES.get(k, k) if NAMES.get(k) not in kwargs else k: value for k, value in kwargs.items()}
        return function(*args, **kwargs)

    return named
