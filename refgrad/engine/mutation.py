"""Writing to tensors that were saved for backward: each is cloned just before the write."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from refgrad.engine.graph import TensorBase
from refgrad.engine.modes import Layer, modes
from refgrad.engine.saved_hooks import saved_tensors_hooks

_OUTSIDE = (
    "Trying to backward outside of the 'allow_mutation_on_saved_tensors' contextin which the graph was originally "
    "recorded."
)


class Kept:
    """A saved tensor, or its clone once it was to be written to."""

    __slots__ = ("__weakref__", "cloned", "tensor", "version")

    def __init__(self, tensor: Any) -> None:
        self.tensor, self.version, self.cloned = tensor, tensor._counter[0], False

    def clone_before_write(self, counter: list[int]) -> None:
        """Take a clone, if the write that is about to be counted by ``counter`` would change the tensor."""
        if not self.cloned and self.tensor._counter is counter and self.version == counter[0]:
            self.tensor, self.cloned = self.tensor.detach().clone(), True


class MutationContext(Layer):
    """All that was saved in one ``allow_mutation_on_saved_tensors`` block."""

    def __init__(self) -> None:
        self.kept: dict[int, weakref.WeakSet[Kept]] = {}  # by storage
        self.active = True

    def pack(self, tensor: Any) -> Kept:
        """Note a tensor that is saved."""
        if tensor._counter is None:
            tensor._counter = [0]
        kept = Kept(tensor)
        self.kept.setdefault(id(tensor._counter), weakref.WeakSet()).add(kept)
        return kept

    def unpack(self, kept: Kept) -> Any:
        """The tensor as it was when it was saved.

        Errors: AssertionError after the block.
        """
        if not self.active:
            raise AssertionError(_OUTSIDE)
        return kept.tensor

    def record(self, op: Any, inputs: tuple[Any, ...], params: tuple[Any, ...], below: Any, inplace: bool) -> Any:
        if inplace:
            self.before_write(inputs[0])
        return below(op, inputs, params)

    def before_write(self, target: TensorBase) -> None:
        """Clone what would change with ``target``."""
        for kept in self.kept.get(id(target._counter), ()):
            assert target._counter is not None
            kept.clone_before_write(target._counter)

    def clear(self) -> None:
        """Let go of everything."""
        for group in self.kept.values():
            for kept in group:
                kept.tensor = None
        self.kept.clear()


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[MutationContext]:
    """Inside, a tensor may be written to after it was saved; backward, inside too, uses the old values.

    Errors: RuntimeError for a block within another.
    """
    if any(isinstance(layer, MutationContext) for layer in modes.layers):
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    context = MutationContext()
    with saved_tensors_hooks(context.pack, context.unpack), modes.layer(context):
        try:
            yield context
        finally:
            context.active = False
            context.clear()
