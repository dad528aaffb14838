"""Custom functions: a forward and a backward of the user's own, as ``torch.autograd.Function``."""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from refgrad.engine.function_node import FunctionNode
from refgrad.engine.function_transform import call_plain, descend, nothing
from refgrad.engine.graph import Node, RemovableHandle, TensorBase, bare_node, gradient_edge, wrap
from refgrad.engine.modes import modes
from refgrad.engine.saved_hooks import SavedTensor


class FunctionCtx:
    """What the static methods of a Function are given as ``ctx``: it carries values from forward to backward."""

    __module__ = "refgrad.autograd.function"  # where PyTorch has it
    __slots__ = ()

    if TYPE_CHECKING:
        to_save: Any
        saved_for_forward: Any
        dirty_tensors: Any
        non_differentiable: Any
        materialize_grads: Any

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep ``tensors`` (inputs, outputs or None) for backward; a second call replaces the first."""
        self.to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Keep ``tensors`` for ``jvp``."""
        self.saved_for_forward = tensors

    def mark_dirty(self, *args: Any) -> None:
        """Say that forward wrote into the inputs ``args``, all of which it returns."""
        self.dirty_tensors = args

    def mark_shared_storage(self, *pairs: Any) -> None:
        """Deprecated: shared memory is found without it."""
        warnings.warn(_SHARED, FutureWarning, stacklevel=2)

    def mark_non_differentiable(self, *args: Any) -> None:
        """Say that the outputs ``args`` carry no gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value: bool) -> None:
        """Say whether backward gets zeros, or None, for an output that no gradient arrived at.

        Errors: TypeError for anything but a bool.
        """
        if not isinstance(value, bool):
            raise TypeError(
                "set_materialize_grads received an invalid combination of arguments - got (), but expected (bool)"
            )
        self.materialize_grads = value


_SHARED = (
    "`mark_shared_storage` is deprecated. Tensors with shared storages are automatically tracked. Note that calls to "
    "`set_()` are not tracked"
)


class _OfNode:
    """An attribute of ``ctx`` that lives on its node."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, ctx: Any, owner: type) -> Any:
        return self if ctx is None else getattr(ctx._node, self.name)

    def __set__(self, ctx: Any, value: Any) -> None:
        setattr(ctx._node, self.name, value)


class BackwardCFunction(FunctionCtx):
    """A ``ctx``, which is also what ``grad_fn`` shows of a custom Function's node."""

    __module__ = "refgrad.autograd.function"
    __slots__ = ("__dict__", "__weakref__", "_node")
    _node: FunctionNode
    _forward_cls: Any

    needs_input_grad = _OfNode()
    to_save = _OfNode()
    saved_for_forward = _OfNode()
    dirty_tensors = _OfNode()
    non_differentiable = _OfNode()
    materialize_grads = _OfNode()
    _materialize_non_diff_grads = _OfNode()

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved for backward.

        Errors: RuntimeError once it is freed, and where one of them was written to since.
        """
        return self._node.saved_tensors()

    @property
    def saved_variables(self) -> tuple[Any, ...]:
        """Deprecated: ``saved_tensors``."""
        warnings.warn("'saved_variables' is deprecated; use 'saved_tensors'", DeprecationWarning, stacklevel=2)
        return self._node.saved_tensors()

    @property
    def _raw_saved_tensors(self) -> tuple[SavedTensor, ...]:
        return tuple(SavedTensor(self._node, i) for i in range(len(self._node.saved)))

    @property
    def next_functions(self) -> tuple[tuple[Any, int], ...]:
        """The nodes that the gradients go to, one a tensor argument, each with the output it belongs to."""
        return self._node.next_functions

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dictionary for the user's own notes."""
        return self._node.metadata

    def name(self) -> str:
        """The node's name: that of the Function, and ``Backward``."""
        return self._node.name()

    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_inputs, grad_outputs)`` after the node has run; it may return new ``grad_inputs``."""
        return self._node.register_hook(fn)

    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_outputs)`` before the node runs; it may return new ``grad_outputs``."""
        return self._node.register_prehook(fn)

    def _sequence_nr(self) -> int:
        return self._node.sequence_nr

    def _user_backward(self) -> Callable[..., Any]:
        backward, vjp = self._forward_cls.backward, self._forward_cls.vjp
        if backward is not Function.backward and vjp is not Function.vjp:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only "
                "implement one of them."
            )
        return backward if vjp is Function.vjp else vjp  # type: ignore[no-any-return]

    def apply(self, *args: Any) -> Any:
        """Run the user's backward on the gradients of the outputs.

        Errors: RuntimeError where there is both a ``backward`` and a ``vjp``.
        """
        backward = self._user_backward()
        return backward(self, list(args)) if self._forward_cls.boxed_grads_call else backward(self, *args)

    def apply_jvp(self, *args: Any) -> Any:
        """Run the user's ``jvp`` on the tangents of the inputs."""
        return self._forward_cls.jvp(self, *args)


class FunctionMeta(type):
    """Makes, with each Function, the class of its ``ctx``."""

    _backward_cls: type[BackwardCFunction]

    def __init__(cls, name: str, bases: tuple[type, ...], attrs: dict[str, Any]) -> None:
        own = {"_forward_cls": cls, "__slots__": (), "__module__": BackwardCFunction.__module__}
        cls._backward_cls = type(name + "Backward", (BackwardCFunction,), own)
        super().__init__(name, bases, attrs)


class Function(metaclass=FunctionMeta):
    """The base of custom functions: static methods ``forward`` and ``backward``, called through ``apply``.

    ``forward(ctx, *args)`` computes and fills the ``ctx``; or ``forward(*args)`` computes and ``setup_context(ctx,
    inputs, output)`` fills it. ``backward(ctx, *grads)`` takes a gradient for each output and gives one for each
    argument of forward, None for those that need none.
    """

    __module__ = "refgrad.autograd.function"
    generate_vmap_rule = False
    clear_saved_tensors_on_access = False
    boxed_grads_call = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{self.__class__} should not be instantiated. Methods on autograd functions are all static, so you should "
            "invoke them on the class itself. Instantiating an autograd function will raise an error in a future "
            "version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd "
            "function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The function itself.

        Errors: NotImplementedError unless overridden.
        """
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """Fill ``ctx`` after a forward that does not take one.

        Errors: NotImplementedError unless overridden.
        """
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """The gradients of the arguments of forward, from those of its outputs.

        Errors: NotImplementedError unless overridden.
        """
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """The tangents of the outputs, from those of the arguments.

        Errors: NotImplementedError unless overridden.
        """
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: Any, *args: Any) -> Any:
        """The function on a batch: its output, and the dimension that the batch has there.

        Errors: NotImplementedError unless overridden.
        """
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the vmap staticmethod or set "
            "generate_vmap_rule=True."
        )

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward, and record the call where a tensor among the arguments wants a gradient.

        Errors: TypeError for arguments that forward does not take by position.
        """
        split = cls.has_setup_context()
        if split:
            bound = _signature(cls.forward).bind(*args, **kwargs)
            bound.apply_defaults()
            args, kwargs = bound.args, bound.kwargs
        if kwargs:
            args = positional(cls.forward, args, kwargs, takes_ctx=not split)
        return descend(cls, args, nothing) if modes.layers else call_plain(cls, args, nothing)

    @classmethod
    def has_setup_context(cls) -> bool:
        """Whether forward takes no ctx."""
        return cls.setup_context is not Function.setup_context

    @classmethod
    def has_vmap(cls) -> bool:
        """Whether there is a ``vmap`` of its own."""
        return cls.vmap is not Function.vmap


_signature = functools.lru_cache(maxsize=256)(inspect.signature)


def positional(forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any], *, takes_ctx: bool) -> tuple[Any, ...]:
    """All arguments by position, which is how gradients are given back.

    Errors: TypeError for a keyword that names no positional parameter, a second value for one, and a gap before one.
    """
    names = forward.__code__.co_varnames[int(takes_ctx) : forward.__code__.co_argcount]
    for name in kwargs:
        if name not in names:
            raise TypeError(f"forward() got an unexpected keyword argument '{name}'")
        if names.index(name) < len(args):
            raise TypeError(f"forward() got multiple values for argument '{name}'")
    last = max(map(names.index, kwargs)) + 1
    for position in range(len(args), last):
        if names[position] not in kwargs:
            raise TypeError(f"forward() missing required argument: '{names[position]}' (position {position})")
    return (*args, *(kwargs[name] for name in names[len(args) : last]))


# once differentiable --------------------------------------------------------------------------------------------------


class Error(Node):
    """The node behind a gradient that must not be differentiated again."""

    __slots__ = ()

    def name(self) -> str:
        return "torch::autograd::Error"

    def run(self, grad: Any, graph: bool) -> tuple[Any, ...]:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")

    def release(self) -> None:
        """Nothing is saved."""


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Let a backward run unrecorded, even under ``create_graph``; to differentiate its results is then an error."""

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any) -> Any:
        recorded, modes.grad_enabled = modes.grad_enabled, False
        try:
            outputs = fn(ctx, *args)
        finally:
            modes.grad_enabled = recorded
        if not recorded or not any(isinstance(a, TensorBase) and a._requires_grad for a in args):
            return outputs
        return delayed_error(outputs if isinstance(outputs, tuple) else (outputs,))

    return wrapper


def delayed_error(outputs: tuple[Any, ...]) -> Any:
    """The ``outputs`` again, their gradients an error."""
    node: Error = bare_node(Error)
    tensors = [None if each is None else wrap(each._array) for each in outputs]
    # each hangs on a leaf of its own, so that it has a history
    edges = [(None, 0) if t is None else gradient_edge(wrap(t._array, requires_grad=True)) for t in tensors]
    node.saved, node.next_nodes, node.next_nrs = (), tuple(n for n, _ in edges), tuple(nr for _, nr in edges)
    node.shape, node.dtype = (), None
    node.outputs = tuple(((), None) if t is None else (t._array.shape, t._array.dtype) for t in tensors)
    for nr, tensor in enumerate(tensors):
        if tensor is not None:
            tensor._grad_fn, tensor._output_nr, tensor._requires_grad = node, nr, True
    return tuple(tensors) if len(tensors) > 1 else tensors[0]
