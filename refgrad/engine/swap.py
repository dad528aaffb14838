"""Two tensors trade places: each name gets what the other was."""

from __future__ import annotations

import weakref
from typing import Any

from refgrad.engine.graph import TensorBase

_POISONED = (
    "Trying to execute AccumulateGrad node that was poisoned by swap_tensors this can happen when you try to run "
    "backward on a "
    "tensor that was swapped. For a module m with `torch.__future__.set_swap_module_params_on_conversion(True)` you "
    "should not "
    "change the device or dtype of the module (e.g. `m.cpu()` or `m.half()`) between running forward and backward. To "
    "resolve "
    "this, please only change the device/dtype before running forward (or after both forward and backward)."
)


def swap_tensors(t1: Any, t2: Any) -> None:
    """Swap all that two tensors are; a graph over either can no longer be run backward.

    Errors: RuntimeError for a tensor that something holds a weak reference to.
    """
    for name, tensor in (("t1", t1), ("t2", t2)):
        if weakref.getweakrefs(tensor):
            raise RuntimeError(f"Cannot swap {name} because it has weakref associated with it")
        _poison(tensor)
    for name in ("__class__", "__dict__", *TensorBase.__slots__):
        mine, theirs = getattr(t1, name), getattr(t2, name)
        setattr(t1, name, theirs)
        setattr(t2, name, mine)


def _poison(tensor: Any) -> None:
    """Have the graphs that end at ``tensor`` refuse to run."""
    node = tensor._accumulate and tensor._accumulate()
    if node is not None:
        node.register_prehook(_refuse)
        tensor._accumulate = None


def _refuse(grad_outputs: Any) -> None:
    raise RuntimeError(_POISONED)
