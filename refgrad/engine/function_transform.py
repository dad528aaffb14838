"""A custom Function under the transforms: what each kind of level does with a call of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from refgrad.engine import ops
from refgrad.engine.function_node import FunctionNode, function_node
from refgrad.engine.function_output import Outputs, record_plain
from refgrad.engine.graph import TensorBase
from refgrad.engine.modes import modes
from refgrad.engine.watch import NodeWatch

Then = Callable[[Any, list[Any]], None]  # shown the ctx and the results, while what was saved for forward is there
Below = Callable[[Any, tuple[Any, ...], Then], Any]

_SEE = "For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"
_NO_CONTEXT = (
    "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, jacrev, ...), it must override "
    f"the setup_context staticmethod. {_SEE}"
)
_NO_VIEW = "A custom Function's forward is returning a view (or an input as-is) but the jvp is not returning a view."
_NOT_INPLACE = (
    "An inplace custom Function is not modifying the forward mode gradients inplace. If the forward is modifying an "
    "input inplace, then the jvp function must modify the corresponding gradient inplace."
)


def nothing(ctx: Any, results: list[Any]) -> None:
    """Look at a call without doing anything."""


def unrecorded(function: Callable[..., Any], *args: Any) -> Any:
    """``function(*args)`` with grad mode off."""
    previous, modes.grad_enabled = modes.grad_enabled, False
    try:
        return function(*args)
    finally:
        modes.grad_enabled = previous


def call_plain(function: Any, args: tuple[Any, ...], then: Then) -> Any:
    """Run a Function below all levels."""
    node = function_node(function, args)
    ctx = node.obj
    split = function.has_setup_context()
    if split:
        output = unrecorded(function.forward, *args)
        unrecorded(function.setup_context, ctx, args, output)
    else:
        output = unrecorded(function.forward, ctx, *args)
    if record_plain(node, args, output):
        results = [output]
    else:
        results = Outputs(node, args, in_tuple(output), split=split).wrap()
    then(ctx, results)
    finish(node)
    return tuple(results) if isinstance(output, tuple) else results[0]


def in_tuple(output: Any) -> tuple[Any, ...]:
    """The outputs that forward returned."""
    return output if isinstance(output, tuple) else (output,)


def finish(node: FunctionNode) -> None:
    """Keep what backward needs, show the node to those who look at each new one, and let go of the rest."""
    if node.next_nodes:
        node.save()
        for layer in modes.layers:
            if isinstance(layer, NodeWatch):
                layer.see(node)
    node.to_save = node.saved_for_forward = node.dirty_tensors = node.non_differentiable = None


def descend(function: Any, args: tuple[Any, ...], then: Then) -> Any:
    """Run a Function through the levels that are on, innermost first."""
    layers = modes.layers
    at = next((i for i in reversed(range(len(layers))) if layers[i].on_tensors), None)
    if at is None:
        return call_plain(function, args, then)

    def below(function: Any, args: tuple[Any, ...], then: Then) -> Any:
        modes.set_layers((*layers[:at], *layers[at + 1 :]))
        try:
            return descend(function, args, then)
        finally:
            modes.set_layers(layers)

    return layers[at].call(function, args, then, below)


def require_context(function: Any) -> None:
    """Refuse a Function whose ctx cannot be filled again, on each level.

    Errors: RuntimeError.
    """
    if not function.has_setup_context():
        raise RuntimeError(_NO_CONTEXT)


# reverse mode ---------------------------------------------------------------------------------------------------------


def at_grad_level(level: Any, function: Any, args: tuple[Any, ...], then: Then, below: Below) -> Any:
    """Run a Function on the values below, and record it on ``level``, with a ctx of its own."""
    require_context(function)
    recorded, modes.grad_enabled = modes.grad_enabled, modes.grad_enabled and level.outer
    try:
        output = below(function, tuple(map(level.value, args)), nothing)
    finally:
        modes.grad_enabled = recorded
    outputs = tuple(level.track(each) if isinstance(each, TensorBase) else each for each in in_tuple(output))
    node = function_node(function, args, wants=level.requires_grad)
    unrecorded(function.setup_context, node.obj, args, outputs if isinstance(output, tuple) else outputs[0])
    results = Outputs(node, args, outputs, split=True).wrap()
    then(node.obj, results)
    level.results[node] = {i: level.value(each) for i, each in enumerate(results)}
    finish(node)
    return tuple(results) if isinstance(output, tuple) else results[0]


# forward mode ---------------------------------------------------------------------------------------------------------


def at_forward_level(level: Any, function: Any, args: tuple[Any, ...], then: Then, below: Below) -> Any:
    """Run a Function below, and its ``jvp`` on the tangents of this ``level``."""
    tangents = [level.tangent(a) for a in args]
    if all(t is None for t in tangents):
        return below(function, args, then)

    outside = tuple(layer for layer in modes.layers if layer is not level)

    def push(ctx: Any, results: list[Any]) -> None:
        layers = modes.layers
        modes.set_layers(outside)  # so that a level outside sees what jvp computes; torch 2.13.0 gives zeros there
        try:
            give_tangents(level, ctx, args, tangents, results)
        finally:
            modes.set_layers(layers)
        then(ctx, results)

    return below(function, args, push)


def give_tangents(level: Any, ctx: Any, args: tuple[Any, ...], tangents: list[Any], results: list[Any]) -> None:
    """Let each result carry what ``jvp`` gives for it.

    Errors: RuntimeError for another number of tangents, for what is no tensor, and for one that is in the wrong memory.
    """
    node = ctx._node
    zeros = node.materialize_grads
    before = [version(t) for t in tangents]
    given = [
        ops.zeros_like(a) if t is None and zeros and isinstance(a, TensorBase) else t for a, t in zip(args, tangents)
    ]
    found = checked(in_tuple(ctx.apply_jvp(*given)), len(results))
    written = [t if version(t) != v else None for t, v in zip(tangents, before)]
    dirty = {id(t) for t in node.dirty_tensors or ()}
    own = {id(a): t for a, t in zip(args, written)}
    for result, tangent in zip(results, found):
        if isinstance(result, TensorBase) and tangent is not None:
            if id(result) not in dirty:
                give_tangent(level, result, tangent)
            elif tangent is not own.get(id(result)):
                raise RuntimeError(_NOT_INPLACE)


def version(tangent: Any) -> int:
    """How often a tangent was written to."""
    return 0 if tangent is None or tangent._counter is None else int(tangent._counter[0])


def checked(found: tuple[Any, ...], expected: int) -> tuple[Any, ...]:
    """What ``jvp`` gave, if there is a tensor or None for each output.

    Errors: RuntimeError.
    """
    for i, tangent in enumerate(found):
        if tangent is not None and not isinstance(tangent, TensorBase):
            raise RuntimeError(f"expected Variable or None (got {type(tangent).__name__}) for grad output {i}.")
    if len(found) != expected:
        raise RuntimeError(
            f"Function's jvp returned an invalid number of forward gradients (expected {expected} but got {len(found)})"
        )
    return found


def give_tangent(level: Any, result: Any, tangent: Any) -> None:
    """Let one result carry ``tangent``: a view's must be a view."""
    if result._view is None:
        level.give(result, tangent)
    elif tangent._view is None:
        raise RuntimeError(_NO_VIEW)
    else:
        level.set(result, tangent)


# batches --------------------------------------------------------------------------------------------------------------


def batch_rule(function: Any) -> bool:
    """Whether a Function has a ``vmap`` of its own, rather than have one generated.

    Errors: RuntimeError where it has neither, or both.
    """
    name, own = function.__name__, function.has_vmap()
    require_context(function)
    if own and function.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {name}, but it has both generate_vmap_rule=True and an overridden vmap "
            "staticmethod. Please set generate_vmap_rule=False or delete the overridden vmap staticmethod to avoid "
            f"ambiguity. {_SEE}"
        )
    if not own and not function.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {name}, but it does not have vmap support. Please override and implement the vmap "
            f"staticmethod or set generate_vmap_rule=True. {_SEE}"
        )
    return bool(own)
