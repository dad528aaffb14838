"""The recorded graph: tensors' autograd metadata, nodes and the edges between them."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from refgrad.engine import dtypes
from refgrad.engine.modes import modes

if TYPE_CHECKING:
    from refgrad.engine.plan import Plan
    from refgrad.engine.views import View

LAST = 2**64 - 1  # PyTorch's sequence number of AccumulateGrad: run as soon as it is ready
sequence = itertools.count()


class TensorBase:
    """An array and its autograd metadata; ``Tensor`` adds the methods.

    ``_array`` may be a NumPy scalar while nothing else shares its memory: scalar arithmetic is several times faster
    than 0-d arrays. ``_counter`` is the counter that a storage's tensors share, made at the first write or alias.
    """

    __slots__ = (
        "_accumulate",
        "_array",
        "_counter",
        "_grad",
        "_grad_fn",
        "_hooks",
        "_output_nr",
        "_requires_grad",
        "_view",
    )
    _array: Any
    _requires_grad: bool
    _grad_fn: Node | None
    _output_nr: int
    _counter: list[int] | None
    _view: View | None
    _grad: Any
    _accumulate: weakref.ref[AccumulateGrad] | None
    _hooks: LeafHooks | None


class Unversioned(list[int]):
    """The counter of an inference tensor: nobody counts the writes to it, so no graph may rely on it."""

    __slots__ = ()


class Detached(Unversioned):
    """The counter of an inference tensor that was detached outside inference mode: it counts, and lets itself be written to."""

    __slots__ = ()


def detached(counter: Unversioned) -> Unversioned:
    """The counter of what is detached from an inference tensor."""
    return counter if modes.inference else Detached([0])


_new_tensor: Callable[[Any], Any] = object.__new__
_tensor_type: list[type[TensorBase]] = [TensorBase]


def set_tensor_type(cls: type[TensorBase]) -> None:
    """Name the class of results; ``Tensor`` lives floors above and announces itself here."""
    _tensor_type[0] = cls
    for namespace in _naming_tensor:
        namespace["Tensor"] = cls


_naming_tensor: list[dict[str, Any]] = []


def naming_tensor(namespace: dict[str, Any]) -> dict[str, Any]:
    """``namespace``, with the class of results in it as ``Tensor``."""
    namespace["Tensor"] = _tensor_type[0]
    _naming_tensor.append(namespace)
    return namespace


def wrap(array: Any, requires_grad: bool = False) -> Any:
    """A leaf tensor around ``array``, which it then shares."""
    tensor = _new_tensor(_tensor_type[0])
    tensor._array = array
    tensor._requires_grad = requires_grad
    tensor._output_nr = 0
    tensor._grad_fn = tensor._counter = tensor._view = tensor._grad = tensor._accumulate = tensor._hooks = None
    return tensor


class LeafHooks:
    """The hooks of a leaf; those of other tensors live on the node that made them."""

    __slots__ = ("grad_dtype", "post", "pre", "retains_grad")

    def __init__(self) -> None:
        self.pre: dict[int, Callable[[Any], Any]] = {}
        self.post: dict[int, Callable[[Any], Any]] = {}
        self.grad_dtype: Any = OWN_DTYPE  # the type of .grad; None for any
        self.retains_grad = False  # asked for before detach_() made the tensor a leaf


OWN_DTYPE: Any = object()


class NodeHooks:
    """The hooks of a node: on the gradients of its outputs, before it runs, and after.

    ``elsewhere`` is the output of an earlier node where the tensor that this node made keeps its hooks.
    """

    __slots__ = ("elsewhere", "post", "pre", "retained", "tensor")

    def __init__(self) -> None:
        self.tensor: dict[int, tuple[int, Callable[[Any], Any]]] = {}
        self.retained: dict[int, weakref.ref[Any]] = {}
        self.pre: dict[int, Callable[..., Any]] = {}
        self.post: dict[int, Callable[..., Any]] = {}
        self.elsewhere: tuple[Node, int] | None = None

    def on(self, nr: int) -> bool:
        """Whether output ``nr`` has a hook."""
        return any(output == nr for output, _ in self.tensor.values())

    def retains(self, nr: int) -> bool:
        """Whether the tensor behind output ``nr`` retains its gradient, wherever it does."""
        if nr in self.retained:
            return True
        return self.elsewhere is not None and self.elsewhere[0].own_hooks().retains(self.elsewhere[1])


class RemovableHandle:
    """Takes one hook out of the table it was put into."""

    __module__ = "refgrad.utils.hooks"  # where PyTorch has it

    def __init__(self, table: dict[int, Any], key: int) -> None:
        self._table, self.id = table, key

    def remove(self) -> None:
        """Remove the hook; a second call does nothing."""
        self._table.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


_next_hook = itertools.count().__next__
_BY_HAND = frozenset({"AccumulateGrad", "CopySlices", "CopyBackwards", "Identity", "NotImplemented"})


def add_hook(table: dict[int, Any], entry: Any) -> RemovableHandle:
    """Put ``entry`` last into ``table``."""
    key = _next_hook()
    table[key] = entry
    return RemovableHandle(table, key)


class Node:
    """One recorded operation: where its gradients go, and what its rule needs.

    ``shape`` and ``dtype`` are those of the output (of each, in ``outputs``, where there are several): gradients are
    fitted to them on arrival.
    """

    __slots__ = (
        "__weakref__",
        "_metadata",
        "apply",
        "dtype",
        "hooks",
        "kind",
        "next_nodes",
        "next_nrs",
        "outputs",
        "plan",
        "saved",
        "sequence_nr",
        "shape",
        "versions",
    )
    plan: Plan  # None in nodes that run by a method of their own
    apply: Callable[[Any, Any, bool], tuple[Any, ...]] | None  # the plan's rules, while there is nothing else to heed
    saved: tuple[Any, ...]
    versions: tuple[int, ...] | None
    next_nodes: tuple[Node | None, ...]
    next_nrs: tuple[int, ...] | None
    shape: tuple[int, ...]
    dtype: Any
    kind: type | None  # the class of a 0-d output's values, which tells shape and type at one glance
    outputs: tuple[tuple[tuple[int, ...], Any], ...] | None
    sequence_nr: int
    hooks: NodeHooks | None
    _metadata: dict[Any, Any] | None

    runs_on_nothing = False  # whether it runs even where no gradient has arrived

    @property
    def obj(self) -> Any:
        """What users see of the node: itself, but for a custom Function, whose ``ctx`` they see."""
        return self

    def __new__(cls, *args: Any) -> Node:
        raise TypeError(f"cannot create '{cls.__name__}' instances")

    def name(self) -> str:
        """The node's name, such as ``MulBackward0``; C++'s namespace is shown for the nodes that PyTorch writes by hand."""
        name = type(self).__name__
        return f"torch::autograd::{name}" if name in _BY_HAND else name

    def title(self) -> str:
        """The name as error messages have it: ``Mul``, ``Pow1``."""
        name = self.name()
        stem, _, number = name.rpartition("Backward")
        return name if name.startswith("torch::") or not stem else stem + number.removesuffix("0")

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        """The nodes that this node's gradients go to, each with the output it belongs to."""
        nodes = (None if node is None else node.obj for node in self.next_nodes)
        return tuple(zip(nodes, self.next_nrs or (0,) * len(self.next_nodes)))

    @property
    def metadata(self) -> dict[Any, Any]:
        """A dictionary for the user's own notes."""
        if self._metadata is None:
            self._metadata = {}
        return self._metadata

    def run(self, grad: Any, graph: bool) -> tuple[Any, ...]:
        """The gradients of the inputs, from the output's: arrays from an array, or recorded tensors from a tensor."""
        return self.plan.on_tensors(self, grad) if graph else self.plan.on_arrays(self, grad)

    def pass_over(self) -> tuple[None, ...]:
        """The gradients where none has arrived.

        Errors: RuntimeError where what was saved is freed, or was written to: PyTorch looks at it nevertheless.
        """
        if self.plan is not None:
            self.plan.look(self)
        return (None,) * len(self.next_nodes)

    def __call__(self, *grads: Any) -> Any:
        """Run the node's formula by hand; recorded where grad mode is on."""
        count = len(self.outputs or (None,))
        if len(grads) != count:
            raise TypeError(f"expected {count} arguments, got {len(grads)} instead")
        results = self.run(grads if self.outputs else grads[0], graph=True)
        return results[0] if len(results) == 1 else results

    def release(self) -> None:
        """Let go of the saved tensors; shapes and numbers stay."""
        if self.plan.frees:
            self.saved = self.plan.freed(self.saved)

    def register_hook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_inputs, grad_outputs)`` after the node has run; it may return new ``grad_inputs``."""
        return add_hook(self.own_hooks().post, fn)

    def register_prehook(self, fn: Callable[..., Any]) -> RemovableHandle:
        """Call ``fn(grad_outputs)`` before the node runs; it may return new ``grad_outputs``."""
        return add_hook(self.own_hooks().pre, fn)

    def own_hooks(self) -> NodeHooks:
        if self.hooks is None:
            self.hooks, self.apply = NodeHooks(), None
        return self.hooks

    def _sequence_nr(self) -> int:
        return self.sequence_nr

    def describe(self, nr: int) -> tuple[tuple[int, ...], Any]:
        """Shape and NumPy type of output ``nr``."""
        return (self.shape, self.dtype) if self.outputs is None else self.outputs[nr]

    def expect(self, nr: int, shape: tuple[int, ...], dtype: Any) -> None:
        """Let output ``nr`` have another shape from now on (an in-place op changed it)."""
        if self.outputs is None:
            self.shape, self.dtype, self.kind = shape, dtype, None
        else:
            self.outputs = (*self.outputs[:nr], (shape, dtype), *self.outputs[nr + 1 :])

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"


_new_node: Callable[[type[Any]], Any] = object.__new__


def bare_node(cls: type[Any]) -> Any:
    """A node of class ``cls`` with the rare slots empty."""
    node = _new_node(cls)
    node.plan = node.apply = node.kind = node.versions = node.next_nrs = node.outputs = node.hooks = node._metadata = (
        None
    )
    node.sequence_nr = next(sequence)
    return node


class AccumulateGrad(Node):
    """The sink of a leaf: adds what arrives to its ``.grad``."""

    __slots__ = ("variable",)
    variable: TensorBase

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        return ()


def accumulator(leaf: TensorBase) -> AccumulateGrad:
    """The leaf's own AccumulateGrad; the graphs that use it keep it alive, the leaf does not."""
    held = leaf._accumulate and leaf._accumulate()
    if held:
        return held
    node: AccumulateGrad = bare_node(AccumulateGrad)
    node.sequence_nr, node.next_nodes, node.variable = LAST, (), leaf
    node.shape, node.dtype = leaf._array.shape, leaf._array.dtype
    if leaf._hooks is not None and leaf._hooks.grad_dtype not in (OWN_DTYPE, None):
        node.dtype = leaf._hooks.grad_dtype.numpy
    node.kind = None if node.shape else node.dtype.type
    leaf._accumulate = weakref.ref(node)
    return node


def leaf_edge(tensor: TensorBase) -> AccumulateGrad | None:
    """Where a gradient of a tensor without a node goes: nowhere, if it requires grad only for its base's sake."""
    return None if tensor._view is not None and tensor._view.lent else accumulator(tensor)


class GradientEdge(NamedTuple):
    """Where a gradient goes: a node, and which of its outputs the gradient belongs to."""

    node: Node
    output_nr: int
    ownership_token: Node | None = None


def gradient_edge(tensor: TensorBase | GradientEdge) -> tuple[Node, int]:
    """Where a gradient of ``tensor`` goes."""
    if isinstance(tensor, GradientEdge):
        return getattr(tensor.node, "_node", tensor.node), tensor.output_nr  # a custom Function shows its ``ctx``
    if tensor._grad_fn is not None:
        return tensor._grad_fn, tensor._output_nr
    return accumulator(tensor), 0


class SavedResult:
    """A node's own output, kept without keeping the tensor (which would own the node: a cycle)."""

    __slots__ = ("_array", "_counter", "output_nr")

    def __init__(self, array: Any, version: list[int], output_nr: int) -> None:
        self._array, self._counter, self.output_nr = array, version, output_nr


FREED = (
    "Trying to backward through the graph a second time (or directly access saved tensors after they have already been "
    "freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). Specify "
    "retain_graph=True if you need to backward through the graph a second time or if you need to access saved tensors "
    "after calling backward."
)


class _Gone:
    """Stands in a freed slot; who asks for its version is told."""

    __slots__ = ()

    @property
    def _counter(self) -> Any:
        raise RuntimeError(FREED)


GONE: Any = _Gone()


_HINT = (
    "Hint: enable anomaly detection to find the operation that failed to compute its gradient, with "
    "torch.autograd.set_detect_anomaly(True, check_nan=False)."
)
_HINT_TRACED = (
    "Hint: the backtrace further above shows the operation that failed to compute its gradient. The variable in question was "
    "changed in there or anywhere later. Good luck!"
)


def version_error(saved: Any, expected: int, node: Node | None) -> RuntimeError:
    """The error for a tensor that was written to after a node had saved it."""
    if isinstance(saved, SavedResult):
        assert node is not None
        origin, array = f", which is output {saved.output_nr} of {node.title()},", saved._array
    else:
        if saved._view is not None:
            saved._view.refresh(saved, always=True)
        maker = saved._grad_fn
        array = saved._array
        # torch 2.13.0 says 0 of any tensor that is not the node's own output
        origin = f", which is output 0 of {maker.title()}," if maker is not None else ""
    return RuntimeError(
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[{_type_title(array.dtype)} {list(array.shape)}]{origin} is at version {saved._counter[0]}; "
        f"expected version {expected} instead. {_HINT_TRACED if modes.anomaly else _HINT}"
    )


def _type_title(numpy_dtype: Any) -> str:
    kind = dtypes.of(numpy_dtype)
    if kind.name in ("bool", "bfloat16") or kind.is_complex:  # these have no legacy tensor type
        return f"CPU{kind.tensor_type.removesuffix('Tensor')}Type"
    return f"torch.{kind.tensor_type}"
