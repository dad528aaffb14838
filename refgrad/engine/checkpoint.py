"""Checkpointing: intermediates are not kept but computed again when a backward pass asks for them.

Two variants, as in PyTorch: one on saved-tensor hooks, and the older one, which runs a backward pass within another.
"""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from refgrad.engine import differentiation
from refgrad.engine.function import Function
from refgrad.engine.grad_mode import enable_grad, no_grad
from refgrad.engine.graph import TensorBase, version_error
from refgrad.engine.modes import modes
from refgrad.engine.sampling import get_rng_state, set_rng_state
from refgrad.engine.saved_hooks import default_hooks, pack, saved_tensors_hooks
from refgrad.engine.saving import version_to_save

Contexts = tuple[AbstractContextManager[Any], AbstractContextManager[Any]]

_EXPLICIT = (
    "{name}: the use_reentrant parameter should be passed explicitly. {announced} use_reentrant=False is recommended, "
    "but if you "
    "need to preserve the current default behavior, you can pass use_reentrant=True. Refer to docs for more details on "
    "the "
    "differences between the two variants."
)
_TIP = """
Tip: To see a more detailed error message, either pass `debug=True` to
`torch.utils.checkpoint.checkpoint(...)` or wrap the code block
with `with torch.utils.checkpoint.set_checkpoint_debug_enabled(True):` to
enable checkpoint\N{NON-BREAKING HYPHEN}debug mode globally.
"""


class CheckpointError(RuntimeError):
    """A recomputation did not give what the forward gave."""


def noop_context_fn() -> Contexts:
    """Nothing around the forward, nothing around the recomputation."""
    return nullcontext(), nullcontext()


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """``function(*args)``, whose intermediates a backward pass computes again.

    Errors: ValueError for what the reentrant variant does not take; CheckpointError, in backward, where the
    recomputation saves other tensors than the forward did.
    """
    if use_reentrant is None:
        _warn_implicit("", "Starting in PyTorch 2.9, calling checkpoint without use_reentrant will raise an exception.")
    if use_reentrant or use_reentrant is None:
        _refuse_keywords(kwargs)
        if context_fn is not noop_context_fn or debug:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return CheckpointFunction.apply(function, preserve_rng_state, *args)
    if determinism_check not in _METADATA:
        raise ValueError(f"determinism_check should be one of {list(_METADATA)}, but got {determinism_check}")
    during_forward, during_recomputation = context_fn()
    if not modes.grad_enabled:
        return function(*args, **kwargs)
    again = _with_rng_state(lambda *inputs: function(*inputs, **kwargs), during_recomputation, preserve_rng_state)
    frame = Frame(
        again, args, _early_stop[0] if _early_stop[0] is not None else early_stop, _METADATA[determinism_check]
    )
    with saved_tensors_hooks(frame.pack, frame.unpack), during_forward:
        result = function(*args, **kwargs)
    frame.forward_completed = True
    return result


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Run ``functions`` one after the other, all segments but the last checkpointed."""
    if use_reentrant is None:
        announced = "In version 2.9 we will raise an exception if use_reentrant is not passed."
        _warn_implicit(".checkpoint_sequential", announced)
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    _refuse_keywords(kwargs)
    chain = list(functions.children()) if hasattr(functions, "children") else list(functions)
    size = len(chain) // segments
    for start in range(0, size * (segments - 1), size):
        segment = _composed(chain[start : start + size])
        input = checkpoint(segment, input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
    return _composed(chain[size * (segments - 1) :])(input)


def _composed(functions: list[Any]) -> Callable[[Any], Any]:
    def run(input: Any) -> Any:
        for function in functions:
            input = function(input)
        return input

    return run


def _warn_implicit(name: str, announced: str) -> None:
    warnings.warn(
        _EXPLICIT.format(name="torch.utils.checkpoint" + name, announced=announced), UserWarning, stacklevel=3
    )


def _refuse_keywords(kwargs: dict[str, Any]) -> None:
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))


def _with_rng_state(
    function: Callable[..., Any], context: AbstractContextManager[Any], preserve: bool
) -> Callable[..., None]:
    """``function`` in the state that the random numbers are in now."""
    state = get_rng_state() if preserve else None

    def again(*args: Any) -> None:
        with _rng_state(state), context:
            function(*args)

    return again


@contextlib.contextmanager
def _rng_state(state: Any) -> Iterator[None]:
    if state is None:
        yield
        return
    previous = get_rng_state()
    set_rng_state(state)
    try:
        yield
    finally:
        set_rng_state(previous)


# on saved-tensor hooks ------------------------------------------------------------------------------------------------


def _metadata(tensor: Any) -> dict[str, Any]:
    return {"shape": tensor.shape, "dtype": tensor.dtype, "device": tensor.device}


_METADATA: dict[str, Callable[[Any], Any]] = {"default": _metadata, "none": lambda tensor: None}
_early_stop: list[bool | None] = [None]


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Have checkpoints made inside stop recomputing as soon as they can, or not, whatever they ask for."""
    previous, _early_stop[0] = _early_stop[0], enable
    try:
        yield
    finally:
        _early_stop[0] = previous


class _Stop(Exception):
    """All that was saved has been recomputed."""


class Holder:
    """Stands for one saved tensor."""

    __slots__ = ("__weakref__", "index")

    def __init__(self, index: int) -> None:
        self.index = index


class SavedInput:
    """An argument of a checkpointed function, through the hooks of an outer checkpoint if there is one."""

    def __init__(self, value: Any) -> None:
        hooks = default_hooks()
        self.tensor = isinstance(value, TensorBase)
        self.packed = pack(hooks, value, None) if self.tensor and hooks is not None else None
        self.value = value if self.packed is None else None
        self.version = version_to_save(value) if self.tensor else 0

    def restore(self) -> Any:
        """The argument.

        Errors: RuntimeError for a tensor that was written to since.
        """
        if self.packed is not None:
            return self.packed.unpack(None)
        value = self.value
        if isinstance(value, TensorBase) and (0 if value._counter is None else value._counter[0]) != self.version:
            raise version_error(value, self.version, None)
        return value


class Frame:
    """One call of a checkpointed function: what it was called with, and what it saved."""

    def __init__(
        self, again: Callable[..., None], args: tuple[Any, ...], early_stop: bool, metadata: Callable[[Any], Any]
    ) -> None:
        self.again, self.early_stop, self.metadata = again, early_stop, metadata
        self.args = [SavedInput(arg) for arg in args]
        self.holders: list[weakref.ref[Holder]] = []
        self.saved_metadata: list[Any] = []
        self.forward_completed = False
        self.recomputed: weakref.WeakKeyDictionary[Any, Recomputation] = weakref.WeakKeyDictionary()  # by backward pass

    def pack(self, tensor: Any) -> Holder:
        holder = Holder(len(self.holders))
        self.holders.append(weakref.ref(holder))
        self.saved_metadata.append(self.metadata(tensor))
        return holder

    def unpack(self, holder: Holder) -> Any:
        found = self.recomputed.get(modes.task) if modes.task is not None else None
        if found is None:
            found = Recomputation(self)
            if modes.task is not None:
                self.recomputed[modes.task] = found
            found.run()
        return found.take(holder)


class Recomputation:
    """A second run of a checkpointed function, and the tensors it saved until they are taken."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.values: dict[int, Any] = {}
        self.count = 0
        self.early = False  # a backward pass inside the forward itself: not all holders are there yet

    def run(self) -> None:
        """Run the function again.

        Errors: CheckpointError where it saves something else.
        """
        args = [arg.restore() for arg in self.frame.args]
        with contextlib.suppress(_Stop), saved_tensors_hooks(self.pack, lambda tensor: tensor), enable_grad():
            self.frame.again(*args)
        if not self.early:
            self.check_count()
            self.check_metadata()

    def pack(self, tensor: Any) -> Any:
        frame, index = self.frame, self.count
        tensor = tensor.detach() if tensor.requires_grad else tensor
        self.count += 1
        if index >= len(frame.holders):
            if frame.forward_completed:
                raise CheckpointError(
                    "torch.utils.checkpoint: trying to save more tensors during recomputation than during the original "
                    "forward "
                    f"pass.\n{_TIP}"
                )
            self.early = True
            return tensor
        if frame.holders[index]() is not None:
            self.values[index] = tensor
        if frame.early_stop and self.count == len(frame.holders):
            raise _Stop
        return tensor

    def take(self, holder: Holder) -> Any:
        """The tensor that ``holder`` stands for, once.

        Errors: CheckpointError for a second time.
        """
        if holder.index not in self.values:
            raise CheckpointError(
                "torch.utils.checkpoint: Unpack is being triggered for a tensor that was already unpacked once. If you "
                "are "
                "calling ctx.saved_tensors in backward, make sure to do so only once. Otherwise please open an issue "
                "with "
                "details on your use case."
            )
        return self.values.pop(holder.index)

    def check_count(self) -> None:
        expected = len(self.frame.holders)
        if self.count != expected:
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the original forward and "
                f"recomputation.\nNumber of tensors saved during forward: {expected}\nNumber of tensors saved during "
                f"recomputation: {self.count}.\n{_TIP}"
            )

    def check_metadata(self) -> None:
        differing = ""
        for index, tensor in sorted(self.values.items()):
            expected, found = self.frame.saved_metadata[index], self.frame.metadata(tensor)
            if found != expected:
                differing += f"tensor at position {index}:\nsaved metadata: {expected}\nrecomputed metadata: {found}\n"
        if differing:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have different metadata than "
                "during the "
                f"forward pass.\n{differing}.\n{_TIP}"
            )


# reentrant ------------------------------------------------------------------------------------------------------------

_NO_INPUTS = (
    "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or passing an `inputs` parameter to "
    ".backward(). To resolve this error, you can either set use_reentrant=False, or call .backward() without passing "
    "the "
    "`inputs` argument."
)


def check_backward_validity(inputs: Iterable[Any]) -> None:
    """Warn where no input requires grad."""
    if not any(x.requires_grad for x in inputs if isinstance(x, TensorBase)):  # type: ignore[attr-defined]
        warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=2)


def detach_variable(inputs: Any) -> tuple[Any, ...]:
    """The tensors among ``inputs`` as leaves.

    Errors: RuntimeError for anything but a tuple.
    """
    if not isinstance(inputs, tuple):
        raise RuntimeError(f"Only tuple of tensors is supported. Got Unsupported input type: {type(inputs).__name__}")
    return tuple(x.detach().requires_grad_(x.requires_grad) if isinstance(x, TensorBase) else x for x in inputs)  # type: ignore[attr-defined]


class CheckpointFunction(Function):
    """The forward without a graph; the backward runs it again, and a backward pass of its own through that."""

    @staticmethod
    def forward(ctx: Any, run_function: Callable[..., Any], preserve_rng_state: bool, *args: Any) -> Any:
        check_backward_validity(args)
        ctx.again = run_function
        ctx.rng_state = get_rng_state() if preserve_rng_state else None
        ctx.places = [i for i, arg in enumerate(args) if isinstance(arg, TensorBase)]
        ctx.others = [None if isinstance(arg, TensorBase) else arg for arg in args]
        ctx.save_for_backward(*(args[i] for i in ctx.places))
        with no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        if not _runs_everything():
            raise RuntimeError(_NO_INPUTS)
        inputs = list(ctx.others)
        for place, tensor in zip(ctx.places, ctx.saved_tensors):
            inputs[place] = tensor
        leaves = detach_variable(tuple(inputs))
        with _rng_state(ctx.rng_state), enable_grad():
            outputs = ctx.again(*leaves)
        _backward_where_required(outputs if isinstance(outputs, tuple) else (outputs,), grads)
        return (None, None, *(leaf.grad if isinstance(leaf, TensorBase) else None for leaf in leaves))  # type: ignore[attr-defined]


def _runs_everything() -> bool:
    """Whether the running backward passes are restricted to no inputs."""
    task = modes.task
    while task is not None:
        if task.needed is not None:
            return False
        task = task.outer
    return True


def _backward_where_required(outputs: tuple[Any, ...], grads: tuple[Any, ...]) -> None:
    pairs = [(out, grad) for out, grad in zip(outputs, grads) if isinstance(out, TensorBase) and out.requires_grad]  # type: ignore[attr-defined]
    if not pairs:
        raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
    differentiation.backward([out for out, _ in pairs], [grad for _, grad in pairs])
