"""The node of a custom Function: what the graph holds, while users see its ``ctx``.

The two are apart because a ``ctx`` takes any attribute, ``ctx.shape`` and ``ctx.outputs`` too. The node owns what the
``ctx`` carries; a ``ctx`` owns its node, and is made anew when it is asked for after the last one went: no cycle.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from refgrad.engine.fitting import fit_array, fit_tensor
from refgrad.engine.graph import FREED, Node, SavedResult, TensorBase, bare_node, gradient_edge, version_error, wrap
from refgrad.engine.modes import modes
from refgrad.engine.recording import save_result
from refgrad.engine.saved_hooks import Packed, default_hooks, pack
from refgrad.engine.saving import restore
from refgrad.engine.views import wants_grad

_NONE: frozenset[int] = frozenset()
NO_TENSOR: tuple[tuple[int, ...], Any] = ((), None)  # stands in ``outputs`` for a number or text that forward returned

_ONCE = (
    "saved_tensors can only be accessed once when clear_saved_tensors_on_access=True is set on the autograd.Function. "
    "Either access saved_tensors only once, or set clear_saved_tensors_on_access=False."
)
_COMPLEX = (
    "Expected isFloatingType(grad.scalar_type()) || (input_is_complex == grad_is_complex) to be true, but got false.  "
    "(Could this error message be improved?  If so, please report an enhancement request to PyTorch.)"
)


class FunctionNode(Node):
    """One call of a custom Function; runs its ``backward``.

    ``attributes`` are those that users put on ``ctx``. ``constants`` are the numbers of the outputs that carry no
    gradient. ``gone`` says why the saved tensors cannot be read any more.
    """

    __slots__ = (
        "_ctx",
        "_materialize_non_diff_grads",
        "attributes",
        "constants",
        "dirty_tensors",
        "function",
        "gone",
        "is_tensor",
        "materialize_grads",
        "needs_input_grad",
        "non_differentiable",
        "saved_for_forward",
        "to_save",
    )
    function: Any
    attributes: dict[str, Any]
    _ctx: weakref.ref[Any] | None
    is_tensor: tuple[bool, ...]
    constants: frozenset[int]
    gone: str | None
    to_save: Any
    dirty_tensors: Any
    non_differentiable: Any
    saved_for_forward: Any
    needs_input_grad: Any
    materialize_grads: bool
    _materialize_non_diff_grads: bool

    runs_on_nothing = True

    @property
    def obj(self) -> Any:
        """The ``ctx``."""
        held = self._ctx and self._ctx()
        if held is None:
            held = object.__new__(self.function._backward_cls)
            held._node, held.__dict__ = self, self.attributes
            self._ctx = weakref.ref(held)
        return held

    def name(self) -> str:
        return str(self.function._backward_cls.__name__)

    # saved tensors ----------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Keep what ``save_for_backward`` was given, with its versions.

        Errors: TypeError for anything but a tensor or None.
        """
        hooks = default_hooks()
        saved = [self._saved(i, value) for i, value in enumerate(tuple_of(self, "to_save"))]
        self.versions = tuple(0 if v is None or v._counter is None else v._counter[0] for v in saved)
        self.saved = tuple(v if v is None or hooks is None else pack(hooks, v, self) for v in saved)

    def _saved(self, i: int, value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, TensorBase):
            raise TypeError(
                f"save_for_backward can only save variables, but argument {i} is of type {type(value).__name__}"
            )
        return save_result(value, value._output_nr) if value._grad_fn is self else value

    def saved_tensors(self) -> tuple[Any, ...]:
        """What was saved: the inputs themselves, the outputs again; while ``jvp`` runs, what was saved for it.

        Errors: RuntimeError once they are freed, and where one was written to since.
        """
        if self.saved_for_forward is not None:
            return tuple(self.saved_for_forward)
        if self.gone is not None:
            raise RuntimeError(self.gone)
        tensors = tuple(self._unpacked(i, held) for i, held in enumerate(self.saved))
        if self.function.clear_saved_tensors_on_access:
            self.saved, self.gone = (), _ONCE
        return tensors

    def _unpacked(self, i: int, held: Any) -> Any:
        if type(held) is Packed:
            return held.unpack(self)
        if held is not None and held._counter is not None and self.versions and held._counter[0] != self.versions[i]:
            raise version_error(held, self.versions[i], self)
        return restore(held, self) if type(held) is SavedResult else held

    def release(self) -> None:
        self.saved, self.gone = (), self.gone or FREED

    # backward ---------------------------------------------------------------------------------------------------------

    def run(self, grad: Any, graph: bool) -> tuple[Any, ...]:
        ctx = self.obj
        recorded = modes.grad_enabled
        results = ctx.apply(*self.incoming(grad))
        modes.grad_enabled = recorded  # whatever the user's code left behind
        gradients = self.of_tensors(results if isinstance(results, tuple) else (results,))
        return tuple(self.fitted(i, each, graph) for i, each in enumerate(gradients))

    def incoming(self, grad: Any) -> list[Any]:
        """The arguments of ``backward``: tensors, zeros where nothing has arrived, None where there was no tensor."""
        assert self.outputs is not None
        if grad is None:
            grad = [None] * len(self.outputs)
        elif not isinstance(grad, (list, tuple)):
            grad = [grad]
        return [self.zeros(i) if g is None else g if isinstance(g, TensorBase) else wrap(g) for i, g in enumerate(grad)]

    def zeros(self, i: int) -> Any:
        """What stands for the gradient of output ``i`` where none has arrived."""
        assert self.outputs is not None
        shape, dtype = self.outputs[i]
        if (
            dtype is None
            or not self.materialize_grads
            or (i in self.constants and not self._materialize_non_diff_grads)
        ):
            return None
        return wrap(np.zeros(shape, dtype))

    def of_tensors(self, results: tuple[Any, ...]) -> list[Any]:
        """The gradients of the tensors among the arguments.

        Errors: RuntimeError for too many or too few, for one that is no tensor, and for one of a plain argument.
        """
        count = len(self.is_tensor)
        if len(results) > count and all(each is None for each in results[count:]):
            results = results[:count]
        if len(results) != count:
            raise RuntimeError(
                f"function {self.name()} returned an incorrect number of gradients (expected {count}, got "
                f"{len(results)})"
            )
        for position, (was_tensor, each) in enumerate(zip(self.is_tensor, results), 1):
            self._check(position, was_tensor, each)
        return [each for was_tensor, each in zip(self.is_tensor, results) if was_tensor]

    def _check(self, position: int, was_tensor: bool, result: Any) -> None:
        if result is None:
            return
        if not was_tensor:
            raise RuntimeError(
                f"function {self.name()} returned a gradient different than None at position {position}, but the "
                "corresponding forward input was not a Variable"
            )
        if not isinstance(result, TensorBase):
            raise RuntimeError(f"expected Variable or None (got {type(result).__name__})")

    def fitted(self, i: int, grad: Any, graph: bool) -> Any:
        """A gradient in the shape and type of its input.

        Errors: RuntimeError where no sum over broadcast dimensions gives that shape, or where one of them is complex.
        """
        target = self.next_nodes[i]
        if grad is None or target is None:
            return grad if graph or grad is None else grad._array
        shape, dtype = target.describe(0 if self.next_nrs is None else self.next_nrs[i])
        if not expands_to(shape, grad._array.shape):
            raise RuntimeError(
                f"Function {self.name()} returned an invalid gradient at index {i} - got {list(grad._array.shape)} but "
                f"expected shape compatible with {list(shape)}"
            )
        if grad._array.dtype.kind in "biuc" and (grad._array.dtype.kind == "c") != (dtype.kind == "c"):
            raise RuntimeError(_COMPLEX)
        return fit_tensor(grad, shape, dtype) if graph else fit_array(grad._array, shape, dtype)


def expands_to(shape: tuple[int, ...], wide: tuple[int, ...]) -> bool:
    """Whether ``shape`` broadcasts to ``wide``."""
    tail = wide[len(wide) - len(shape) :]
    return len(shape) <= len(wide) and all(n in (1, m) for n, m in zip(shape, tail))


def tuple_of(node: FunctionNode, name: str) -> tuple[Any, ...]:
    """An attribute that ``forward`` left on its ``ctx``; none is an empty one.

    Errors: RuntimeError for anything but a tuple.
    """
    value = getattr(node, name)
    if value is not None and not isinstance(value, tuple):
        raise RuntimeError(f"autograd internal error: {name} attribute is expected to be a tuple but is ")
    return value or ()


def edge_of(tensor: TensorBase) -> tuple[Node, int]:
    """Where a gradient of ``tensor`` goes, as things stand after writes to the memory it shares."""
    if tensor._view is not None:
        tensor._view.refresh(tensor)
    return gradient_edge(tensor)


def function_node(function: Any, args: tuple[Any, ...], *, wants: Callable[[Any], bool] = wants_grad) -> FunctionNode:
    """The node of a call, before its forward has run; ``wants`` says which tensors need a gradient."""
    is_tensor = tuple([isinstance(a, TensorBase) for a in args])
    needs = tuple([tensor and wants(a) for a, tensor in zip(args, is_tensor)])
    edges: list[tuple[Node | None, int]] = []
    if True in needs and modes.grad_enabled:  # before the node is made, which must be younger than any that this makes
        edges = [edge_of(a) if need else (None, 0) for a, need, tensor in zip(args, needs, is_tensor) if tensor]
    node: FunctionNode = bare_node(FunctionNode)
    node.function, node.attributes, node._ctx = function, {}, None
    node.is_tensor, node.needs_input_grad = is_tensor, needs
    node.to_save = node.saved_for_forward = node.dirty_tensors = node.non_differentiable = node.gone = None
    node.materialize_grads = node._materialize_non_diff_grads = True
    node.saved, node.outputs, node.constants, node.shape, node.dtype = (), (), _NONE, *NO_TENSOR
    node.next_nodes, node.next_nrs = tuple([n for n, _ in edges]), tuple([nr for _, nr in edges])
    return node
