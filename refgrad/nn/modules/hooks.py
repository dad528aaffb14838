"""What a call of a module with hooks does: theirs around its ``forward``, and theirs in the backward pass."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from refgrad.engine.function import Function
from refgrad.engine.grad_mode import is_grad_enabled
from refgrad.engine.graph import RemovableHandle, add_hook
from refgrad.engine.tensor import Tensor

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


# around forward -------------------------------------------------------------------------------------------------------


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
                    "module forward hook with ``always_call=True`` raised an exception that was silenced as another "
                    f"error was raised in forward: {error}",
                    stacklevel=4,
                )


# in the backward pass -------------------------------------------------------------------------------------------------


class BackwardHookFunction(Function):
    """Hands its arguments through, so that hooks have a node; no in-place op may go through the result."""

    @staticmethod
    def forward(ctx: Any, *args: Any) -> Any:
        ctx.mark_non_differentiable(*(arg for arg in args if not arg.requires_grad))
        return args

    @staticmethod
    def backward(ctx: Any, *args: Any) -> Any:
        return args


def _hooked(values: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[int], Any]:
    """``values`` with their tensors behind a common node, the places of those tensors, and the node.

    There is no node where no gradient will come this way.
    """
    places = [i for i, value in enumerate(values) if isinstance(value, Tensor)]
    if not (is_grad_enabled() and any(values[i].requires_grad for i in places)):
        return values, places, None
    tensors = BackwardHookFunction.apply(*(values[i] for i in places))
    passed = list(values)
    for i, tensor in zip(places, tensors):
        passed[i] = tensor
    node = next(t.grad_fn for t in tensors if t.grad_fn is not None)
    return (tuple(passed) if type(values) is tuple else type(values)(*passed)), places, node


def _placed(grads: Sequence[Any], places: list[int], count: int) -> tuple[Any, ...]:
    """``grads`` at ``places`` among ``count``, the others None."""
    placed = [None] * count
    for i, grad in zip(places, grads):
        placed[i] = grad
    return tuple(placed)


class BackwardHook:
    """One call's backward hooks: a node before the module's inputs, one behind its outputs."""

    def __init__(self, module: Module, hooks: Sequence[Any], pre_hooks: Sequence[Any]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        self.grad_outputs: tuple[Any, ...] | None = None  # noted behind the module, for the hooks before it

    @classmethod
    def of(cls, module: Module) -> BackwardHook | None:
        """The hooks of a call of ``module``, if it has any."""
        hooks = (*everywhere.backward.values(), *module._backward_hooks.values())
        pre_hooks = (*everywhere.backward_pre.values(), *module._backward_pre_hooks.values())
        return cls(module, hooks, pre_hooks) if hooks or pre_hooks else None

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments that ``forward`` is to see."""
        self.n_inputs = len(args)
        args, self.inputs, node = _hooked(args)
        self.has_inputs = node is not None
        if node is not None:
            node.register_hook(self.before_module)
        return args

    def leave(self, result: Any) -> Any:
        """The result that the caller is to see."""
        if not isinstance(result, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received "
                f"{type(result)}",
                stacklevel=4,
            )
        results = result if isinstance(result, tuple) else (result,)
        self.n_outputs = len(results)
        results, self.outputs, node = _hooked(results)
        if node is not None:
            node.register_hook(self.behind_module)
        return results if isinstance(result, tuple) else results[0]

    def behind_module(self, _: Any, grad_output: tuple[Any, ...]) -> tuple[Any, ...]:
        """Pre-hooks, on the gradients of the outputs."""
        grads = _placed(grad_output, self.outputs, self.n_outputs)
        for hook in self.pre_hooks:
            grads = _replaced("Backward pre hook", "grad_output", hook(self.module, grads), grads)
        self.grad_outputs = grads
        if not self.has_inputs:
            self.without_inputs(grads)
        return tuple(grads[i] for i in self.outputs)

    def before_module(self, grad_input: tuple[Any, ...], _: Any) -> tuple[Any, ...] | None:
        """Hooks, on the gradients of the inputs and of the outputs."""
        if self.grad_outputs is None:  # the outputs took no part in this pass
            return None
        grads = _placed(grad_input, self.inputs, self.n_inputs)
        for hook in self.hooks:
            grads = _replaced("Backward hook", "grad_input", hook(self.module, grads, self.grad_outputs), grads)
        self.grad_outputs = None
        return tuple(grads[i] for i in self.inputs)

    def without_inputs(self, grad_outputs: tuple[Any, ...]) -> None:
        """Hooks of a module none of whose inputs wants a gradient."""
        warnings.warn(_NO_INPUTS, stacklevel=2)
        grads: tuple[Any, ...] = (None,) * self.n_inputs
        for hook in self.hooks:
            given = hook(self.module, grads, grad_outputs)
            if given is not None and not (isinstance(given, tuple) and all(g is None for g in given)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or None for "
                    "all gradients."
                )
        self.grad_outputs = None


_NO_INPUTS = (
    "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs require "
    "gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module."
    "register_full_backward_hook for more details."
)


def _replaced(kind: str, name: str, given: Any, grads: tuple[Any, ...]) -> tuple[Any, ...]:
    """What a hook gave in place of ``grads``.

    Errors: RuntimeError for another number of them.
    """
    if given is None:
        return grads
    if len(given) != len(grads):
        raise RuntimeError(f"{kind} returned an invalid number of {name}, got {len(given)}, but expected {len(grads)}")
    return tuple(given)
