"""What a call of a module with hooks does: theirs around its ``forward``, and theirs in the backward pass."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from refgrad.engine.creation import zeros_like
from refgrad.engine.grad_mode import is_grad_enabled
from refgrad.engine.graph import Node, RemovableHandle, add_hook
from refgrad.engine.primitive import primitive
from refgrad.engine.tensor import Tensor
from refgrad.engine.views import IN_FUNCTION, MULTI_OUTPUT, make_view

if TYPE_CHECKING:
    from refgrad.nn.modules.module import Module

__all__ = [
    "ForwardHook", "add", "call", "register_module_forward_hook", "register_module_forward_pre_hook",
    "register_module_full_backward_hook", "register_module_full_backward_pre_hook",
]  # fmt: skip

Table = OrderedDict[int, Any]


@dataclass(frozen=True, slots=True)
class ForwardHook:
    """A hook around ``forward``, and how it wants to be called."""

    function: Callable[..., Any]
    with_kwargs: bool = False
    always_call: bool = False

    def __call__(self, module: Module, args: Any, kwargs: Any, *result: Any) -> Any:
        return self.function(module, args, *((kwargs,) if self.with_kwargs else ()), *result)


class Everywhere:
    """The hooks that hold for every module."""

    def __init__(self) -> None:
        self.forward_pre: Table = OrderedDict()
        self.forward: Table = OrderedDict()
        self.backward_pre: Table = OrderedDict()
        self.backward: Table = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self.forward_pre or self.forward or self.backward_pre or self.backward)


everywhere = Everywhere()


def add(table: Table, entry: Any, *, prepend: bool = False) -> RemovableHandle:
    """Put ``entry`` last into ``table``; first, if ``prepend``."""
    handle = add_hook(table, entry)
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


def register_module_forward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, args)`` before the ``forward`` of every module."""
    return add(everywhere.forward_pre, ForwardHook(hook))


def register_module_forward_hook(
    hook: Callable[..., Any], *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the ``forward`` of every module."""
    return add(everywhere.forward, ForwardHook(hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before the backward of every module."""
    return add(everywhere.backward_pre, hook)


def register_module_full_backward_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` after the backward of every module."""
    return add(everywhere.backward, hook)


# around forward ---------------------------------------------------------------------------------------------------------


def call(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``module.forward`` with all its hooks."""
    pending = dict((*everywhere.forward.items(), *module._forward_hooks.items()))
    result = None
    try:
        args, kwargs = _before(module, args, kwargs)
        backward = BackwardHook.of(module)
        args = backward.enter(args) if backward else args
        result = module.forward(*args, **kwargs)
        for key in list(pending):
            replaced = pending.pop(key)(module, args, kwargs, result)
            result = result if replaced is None else replaced
        return backward.leave(result) if backward else result
    except Exception:
        _always(module, pending, args, kwargs, result)
        raise


def _before(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
    """The arguments after the pre-hooks."""
    for hook in (*everywhere.forward_pre.values(), *module._forward_pre_hooks.values()):
        given = hook(module, args, kwargs)
        if given is None:
            continue
        if not hook.with_kwargs:
            args = given if isinstance(given, tuple) else (given,)
        elif isinstance(given, tuple) and len(given) == 2:
            args, kwargs = given
        else:
            raise RuntimeError(
                f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {given}."
            )
    return args, kwargs


def _always(module: Module, pending: dict[int, ForwardHook], args: Any, kwargs: Any, result: Any) -> None:
    """Call the hooks that want to hear of a failed ``forward`` too; their own failures must not hide it."""
    for hook in pending.values():
        if hook.always_call:
            try:
                hook(module, args, kwargs, result)
            except Exception as error:
                warnings.warn(
                    "module forward hook with ``always_call=True`` raised an exception that was silenced as another error "
                    f"was raised in forward: {error}",
                    stacklevel=4,
                )


# in the backward pass ---------------------------------------------------------------------------------------------------


@primitive(name="BackwardHookFunctionBackward", outputs=("outputs",))
def _pass_through(*tensors: Any) -> Any:
    return tensors


def _filled(grad: Any, tensors_shape: Any, tensors_dtype: Any) -> tuple[Any, ...]:
    """The gradients, with zeros in the place of those that did not arrive."""
    return tuple(grad)


_pass_through.defvjp(tensors=_filled)


class BackwardHook:
    """One call's backward hooks: a node around the module's inputs, one around its outputs."""

    def __init__(self, module: Module, hooks: Sequence[Any], pre_hooks: Sequence[Any]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.grad_outputs: tuple[Any, ...] | None = None
        self.inputs: list[int] | None = None  # which arguments carry gradients; None: the inputs want none
        self.n_inputs = 0

    @classmethod
    def of(cls, module: Module) -> BackwardHook | None:
        """The hooks of a call of ``module``, if it has any."""
        hooks = (*everywhere.backward.values(), *module._backward_hooks.values())
        pre_hooks = (*everywhere.backward_pre.values(), *module._backward_pre_hooks.values())
        return cls(module, hooks, pre_hooks) if hooks or pre_hooks else None
