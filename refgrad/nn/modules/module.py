"""Module: a function with parameters, and with modules inside, as ``torch.nn.Module``."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Self

from refgrad.engine.dtypes import dtype
from refgrad.engine.grad_mode import no_grad
from refgrad.engine.graph import RemovableHandle
from refgrad.engine.tensor import Tensor
from refgrad.nn.modules import hooks, state
from refgrad.nn.modules.hooks import (
    ForwardHook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from refgrad.nn.modules.registry import Registry

__all__ = [
    "Module", "register_module_forward_hook", "register_module_forward_pre_hook", "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
]  # fmt: skip


class Module(Registry):
    """The base of all neural networks: what is assigned to it, it registers; what is called on it, it hands down."""

    call_super_init = False
    _version = 1
    training: bool
    _forward_pre_hooks: OrderedDict[int, ForwardHook]
    _forward_hooks: OrderedDict[int, ForwardHook]
    _backward_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _backward_hooks: OrderedDict[int, Callable[..., Any]]
    _state_dict_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _state_dict_hooks: OrderedDict[int, Callable[..., Any]]
    _load_state_dict_pre_hooks: OrderedDict[int, Callable[..., Any]]
    _load_state_dict_post_hooks: OrderedDict[int, Callable[..., Any]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if not self.call_super_init:
            _refuse_arguments(type(self).__name__, args, kwargs)
        self.__dict__.update(training=True, _parameters={}, _buffers={}, _non_persistent_buffers_set=set(), _modules={})
        self.__dict__.update((name, OrderedDict()) for name in _HOOKS)
        if self.call_super_init:
            super().__init__(*args, **kwargs)

    # calling ----------------------------------------------------------------------------------------------------------

    def forward(self, *input: Any) -> Any:
        """What the module computes; a subclass says.

        Errors: NotImplementedError where it does not.
        """
        raise NotImplementedError(f'Module [{type(self).__name__}] is missing the required "forward" function')

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        held = self.__dict__
        if held["_forward_hooks"] or held["_forward_pre_hooks"] or held["_backward_hooks"]:
            return hooks.call(self, args, kwargs)
        if held["_backward_pre_hooks"] or hooks.everywhere:
            return hooks.call(self, args, kwargs)
        return self.forward(*args, **kwargs)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before ``forward``; it may return other arguments."""
        return hooks.add(self._forward_pre_hooks, ForwardHook(hook, with_kwargs), prepend=prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after ``forward``; it may return another output."""
        return hooks.add(self._forward_hooks, ForwardHook(hook, with_kwargs, always_call), prepend=prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before the module's backward; it may return other gradients."""
        return hooks.add(self._backward_pre_hooks, hook, prepend=prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` after the module's backward; it may return other gradients."""
        return hooks.add(self._backward_hooks, hook, prepend=prepend)

    # acting on all ----------------------------------------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call ``fn`` with each module below, then with this one."""
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    def _apply(self, fn: Callable[[Any], Any], recurse: bool = True) -> Self:
        """Put ``fn(tensor)`` in the place of each parameter's values, of its gradient's, and of each buffer."""
        for module in self.children() if recurse else ():
            module._apply(fn)
        with no_grad():
            for param in self._parameters.values():
                if param is not None:
                    _convert(param, fn)
        self._buffers.update((name, fn(buffer)) for name, buffer in self._buffers.items() if buffer is not None)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Bring all floating-point parameters and buffers to a type; arguments as those of ``Tensor.to``.

        Errors: TypeError for a type that is neither floating nor complex.
        """
        kinds = [arg.dtype if isinstance(arg, Tensor) else arg for arg in (*args, kwargs.get("dtype"))]
        kind = next((k for k in kinds if isinstance(k, dtype)), None)
        if kind is None:
            return self._apply(lambda t: t.to(*args, **kwargs))
        if not (kind.is_floating_point or kind.is_complex):
            raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={kind}")
        if kind.is_complex:
            warnings.warn(_COMPLEX, stacklevel=2)
        return self._apply(lambda t: t.to(kind) if t.is_floating_point() or t.is_complex() else t)

    def _float_to(self, name: str) -> Self:
        return self._apply(lambda t: getattr(t, name)() if t.is_floating_point() else t)

    def float(self) -> Self:
        """Bring all floating-point parameters and buffers to float32."""
        return self._float_to("float")

    def double(self) -> Self:
        """Bring all floating-point parameters and buffers to float64."""
        return self._float_to("double")

    def half(self) -> Self:
        """Bring all floating-point parameters and buffers to float16."""
        return self._float_to("half")

    def bfloat16(self) -> Self:
        """Bring all floating-point parameters and buffers to bfloat16."""
        return self._float_to("bfloat16")

    def type(self, dst_type: Any) -> Self:
        """Bring all parameters and buffers to ``dst_type``."""
        return self._apply(lambda t: t.type(dst_type))

    def cpu(self) -> Self:
        """Where everything is."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device: Any = None) -> Self:
        """Refused: there is no other device."""
        return self._apply(lambda t: t.cuda(device))

    def train(self, mode: bool = True) -> Self:
        """Set training mode, here and below.

        Errors: ValueError for what is no bool.
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Leave training mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set whether the parameters require gradients."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients; with ``set_to_none=False`` set them to zero, in place."""
        for parameter in self.parameters():
            clear_grad(parameter, set_to_none)

    # state ------------------------------------------------------------------------------------------------------------

    def state_dict(self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """The parameters and persistent buffers by path: detached, and sharing memory with the module's."""
        if args:
            warnings.warn(_POSITIONAL, FutureWarning, stacklevel=2)
            given = (*args, *(destination, prefix, keep_vars)[len(args) :])
            destination, prefix, keep_vars = given[0], given[1], given[2]
        return state.save(self, destination, prefix, keep_vars)

    def load_state_dict(self, state_dict: Any, strict: bool = True, assign: bool = False) -> state._IncompatibleKeys:
        """Copy the values of ``state_dict`` into parameters and buffers.

        Errors: RuntimeError for keys that do not match, if ``strict``, and for shapes that do not.
        """
        return state.load(self, state_dict, strict, assign)

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        state.save_own(self, destination, prefix, keep_vars)

    def _load_from_state_dict(self, *args: Any) -> None:
        state.load_own(self, *args)

    def get_extra_state(self) -> Any:
        """What a subclass wants in ``state_dict`` beyond its tensors."""
        raise RuntimeError("only a module that defines get_extra_state has extra state")

    def set_extra_state(self, state: Any) -> None:
        """Take back what ``get_extra_state`` gave."""
        raise RuntimeError("only a module that defines set_extra_state takes extra state")

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before ``state_dict`` collects."""
        return hooks.add(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after ``state_dict`` collected."""
        return hooks.add(self._state_dict_hooks, hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, ...)`` before ``load_state_dict`` copies."""
        return hooks.add(self._load_state_dict_pre_hooks, hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after ``load_state_dict`` copied."""
        return hooks.add(self._load_state_dict_post_hooks, hook)

    # printing ---------------------------------------------------------------------------------------------------------

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """What a subclass adds to its line in the printed module."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        if len(lines) == 1 and not self._modules:
            return f"{self._get_name()}({extra})"
        lines += [f"({name}): {indented(repr(module))}" for name, module in self._modules.items()]
        return "".join((self._get_name(), "(", *(f"\n  {line}" for line in lines), "\n" if lines else "", ")"))


_HOOKS = (
    "_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks", "_state_dict_pre_hooks",
    "_state_dict_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)  # fmt: skip
_COMPLEX = (
    "Complex modules are a new feature under active development whose design may change, and some modules might not "
    "work as expected when using complex tensors as parameters or buffers. Please file an issue at "
    "https://github.com/pytorch/pytorch/issues/new?template=bug-report.yml if a complex module does not work as "
    "expected."
)
_POSITIONAL = (
    "Positional args are being deprecated, use kwargs instead. Refer to "
    "https://pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.state_dict for details."
)


def _refuse_arguments(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    if kwargs:
        raise TypeError(f"{name}.__init__() got an unexpected keyword argument '{next(iter(kwargs))}'")
    if args:
        raise TypeError(f"{name}.__init__() takes 1 positional argument but {len(args) + 1} were given")


def indented(text: str) -> str:
    """``text`` with all lines but the first moved right; blank ones stay empty."""
    first, *rest = text.split("\n")
    return "\n".join((first, *(f"  {line}" if line.strip() else "" for line in rest)))


def _convert(param: Any, fn: Callable[[Any], Any]) -> None:
    """Put ``fn(param)`` in the place of a parameter's values, and the same for its gradient."""
    grad = param.grad
    param.grad = None  # in between its type may not fit
    param.data = fn(param)
    if grad is not None:
        grad.data = fn(grad)
        param.grad = grad


def clear_grad(tensor: Any, set_to_none: bool) -> None:
    """Forget ``tensor.grad``, or take it out of its graph and set it to zero in place."""
    grad = tensor.grad
    if grad is None:
        return
    if set_to_none:
        tensor.grad = None
    elif grad.grad_fn is not None:
        grad.detach_().zero_()
    else:
        grad.requires_grad_(False).zero_()
