"""Plans: for one op and one pattern of inputs, what a call saves and how its gradients are computed.

A plan writes three small functions, straight lines without loops or dictionaries, and compiles them once: ``make_node``
makes the node of a call, ``on_arrays`` and ``on_tensors`` apply the rules to what it saved. Their text is in tracebacks.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import linecache
import re
from collections.abc import Callable, Iterable
from types import CodeType
from typing import TYPE_CHECKING, Any

import numpy as np

from refgrad.engine.graph import (
    FREED,
    GONE,
    Node,
    SavedResult,
    leaf_edge,
    naming_tensor,
    sequence,
    wrap,
)
from refgrad.engine.saving import CONSTANT, NEEDED, Saved, check, restore, version_to_save

if TYPE_CHECKING:
    from refgrad.engine.primitive import Primitive

Rule = Callable[..., Any]

_next_unit = itertools.count().__next__


def compile_text(name: str, source: str) -> CodeType:
    """``source``, compiled; tracebacks show its lines."""
    filename = f"<refgrad {name} {_next_unit()}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    return compile(source, filename, "exec")


def compile_function(name: str, source: str, namespace: dict[str, Any]) -> Callable[..., Any]:
    """The function ``name`` that ``source`` defines."""
    exec(compile_text(name, source), namespace)
    function: Callable[..., Any] = namespace[name]
    return function


class Plan:
    """What a call of ``op`` saves for one pattern of inputs, and its rules with the saved values put in place."""

    __slots__ = (
        "edges",
        "freed",
        "frees",
        "gone",
        "kinds",
        "make_node",
        "on_arrays",
        "on_tensors",
        "op",
        "records",
        "saves_results",
        "slots",
        "tracked",
        "users",
    )

    def __init__(self, op: Primitive, kinds: tuple[int, ...]) -> None:
        self.op, self.kinds = op, kinds
        # an input that no rule is for (an index, a condition) has no edge
        self.edges = tuple(i for i in range(len(kinds)) if op.input_name(i) in op.vjps)
        rules = list(op.rules_for(kinds))
        self.records = bool(rules)
        saved = Saved(op, kinds)
        namespace: dict[str, Any] = {"needs": tuple(kind == NEEDED for kind in kinds)}
        calls = dict.fromkeys(self.edges, "None")
        self.users: dict[int, list[str]] = {}  # the edges for whose sake a tensor is saved
        for position, rule, star in rules:
            namespace[f"rule{position}"] = rule
            arguments = ", ".join(saved.access(name) for name in inspect.signature(rule).parameters)
            calls[position] = f"{star}rule{position}({arguments})"
            for name in inspect.signature(rule).parameters:
                for slot in re.findall(r"\bt(\d+)", saved.access(name)):
                    alone = not star and name not in op.wanted_by_several
                    self.users.setdefault(int(slot), []).append(f"n{position}" if alone else "True")
            if star:  # one rule gives the gradients of the whole group
                calls = {i: call for i, call in calls.items() if i <= position}
        joint = [saved.access(name) for name in op.joint] if rules else []
        kept, beside = ([saved.access(name) for name in names if rules] for names in (op.saves, op.beside))
        self.users.update((int(slot), ["True"]) for slot in re.findall(r"\bt(\d+)", " ".join(joint + kept + beside)))
        self.tracked, self.slots = tuple(saved.tracked), saved.slots
        self.frees = (*saved.tracked, *saved.operands)
        self.saves_results = any(source.startswith("results") for source in saved.slots)
        # what is left of node.saved when freed; a constant where nothing is
        self.gone = (GONE,) * len(saved.slots) if len(self.frees) == len(saved.slots) else None
        self.freed: Callable[..., tuple[Any, ...]] = self._later("freed", self._compile_freed)
        self.make_node: Callable[..., Node] = self._later("make_node", self._compile_make_node)
        self.on_arrays = self._compile_rules("on_arrays", [], _tuple(calls.values()), namespace)
        ordered = [f"g{i} = {calls[i].lstrip('*')}" for i in sorted(calls, key=lambda i: _turn(op, i))]
        named = _tuple(f"*g{i}" if calls[i][0] == "*" else f"g{i}" for i in calls)
        hung = f"hung({named}, {_tuple(['grad', *joint])}, {_tuple(beside)})" if joint else named
        self.on_tensors = self._later("on_tensors", lambda: self._compile_rules("on_tensors", ordered, hung, namespace))

    def _later(self, name: str, compiled: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
        """A function that is compiled when it is first called: most plans never need all of theirs."""
        made: list[Callable[..., Any]] = []

        def first(*args: Any) -> Any:
            if not made:
                made.append(compiled())
                setattr(self, name, made[0])
            return made[0](*args)

        return first

    def _compile_freed(self) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
        """``freed(saved)``: what was saved, without what is freed."""
        kept = "".join("GONE, " if i in self.frees else f"s[{i}], " for i in range(len(self.slots)))
        return compile_function("freed", f"def freed(s): return ({kept})", {"GONE": GONE})

    def _compile_rules(
        self, name: str, before: list[str], body: str, namespace: dict[str, Any]
    ) -> Callable[..., tuple[Any, ...]]:
        """``name(node, grad, keep=True)``: check that what was saved is still what it was, apply the rules, and free."""
        lines = [f"def {name}(node, grad, keep=True):", "    s = node.saved"]
        for i in self.frees:
            lines.append(f"    t{i} = s[{i}]")
            if i not in self.tracked:
                lines.append(f"    if t{i} is GONE: raise RuntimeError(FREED)")
        for i in self.tracked:
            lines += [
                f"    if t{i}._counter is not None: check(node, {i})",  # says so if it is gone
                f"    t{i} = t{i}._array"
                if name == "on_arrays"
                else f"    if type(t{i}) is SavedResult: t{i} = restore(t{i}, node)",
            ]
        lines += [f"    {line}" for line in before]
        if self.frees:
            lines += [f"    grads = {body}", "    if not keep: node.saved = gone or freed(s)", "    return grads"]
        else:
            lines.append(f"    return {body}")
        scope = {
            **namespace,
            "GONE": GONE,
            "FREED": FREED,
            "gone": self.gone,
            "freed": self.freed,
            "check": check,
            "SavedResult": SavedResult,
            "restore": restore,
            "hung": self.op.hung,
        }
        return compile_function(name, "\n".join(lines), scope)

    def attach(self, inputs: Any, arrays: Any, params: Any, results: Any, shape: Any, dtype: Any) -> Node:
        """The node of a call; ``make_node`` with the arguments in groups."""
        return self.make_node(*inputs, *arrays, *params, results, shape, dtype)

    def _compile_make_node(self) -> Callable[..., Node]:
        """``make_node(i0, ..., a0, ..., p0, ..., results, shape, dtype)``: the node of a call, from its inputs, their arrays
        and the parameters."""
        lines = [
            f"def make_node({', '.join((*self._arguments(), 'results', 'shape', 'dtype'))}):",
            "    node = new(node_class)",
            *self._node_lines(),
            "    node.shape, node.dtype, node.kind = shape, dtype, None if shape else dtype.type",
            *self._conjugated("    "),
            "    return node",
        ]
        return compile_function("make_node", "\n".join(lines), self._node_scope())

    def compile_maker(self) -> Callable[..., Any]:
        """``make(i0, ..., a0, ..., p0, ..., result)``: the result of an ordinary call as a tensor, with its node."""
        lines = [
            f"def make({', '.join((*self._arguments(), 'result'))}):",
            "    tensor = new(Tensor)",
            "    tensor._array = result",
            "    tensor._output_nr = 0",
            "    tensor._view = tensor._grad = tensor._accumulate = tensor._hooks = None",
            f"    tensor._counter = {'counter = [0]' if self.saves_results else 'None'}",
            f"    tensor._requires_grad = {self.records}",
        ]
        if self.records:
            lines += [
                "    tensor._grad_fn = node = new(node_class)",
            ]
            if self.saves_results:
                lines += [
                    "    saved = new(SavedResult)",
                    "    saved._array, saved._counter, saved.output_nr = result, counter, 0",
                    "    results = (saved,)",
                ]
            lines += [
                *self._node_lines(),
                "    if result.__class__ is scalar:",  # of a 0-d float32 the class tells shape and type faster
                "        node.shape = ()",
                "        node.dtype = f32",
                "        node.kind = scalar",
                "    else:",
                "        node.shape = shape = result.shape",
                "        node.dtype = dtype = result.dtype",
                "        node.kind = None if shape else dtype.type",
                *self._conjugated("        "),
            ]
        else:
            lines.append("    tensor._grad_fn = None")
        lines.append("    return tensor")
        return compile_function("make", "\n".join(lines), self._node_scope())

    def _arguments(self) -> list[str]:
        """The names of a call's inputs, their arrays and its parameters."""
        counts = {"i": len(self.kinds), "a": len(self.kinds), "p": len(self.op.params)}
        return [f"{letter}{k}" for letter, count in counts.items() for k in range(count)]

    def _node_lines(self) -> list[str]:
        """The lines that fill ``node``."""
        lines = []
        needed = dict.fromkeys(i for i in self.edges if self.kinds[i] == NEEDED)  # a list would be searched for each
        for i in needed:
            lines += [
                f"    n{i} = i{i}._grad_fn",
                f"    if n{i} is None:",
                f"        n{i} = i{i}._accumulate",
                f"        n{i} = n{i} and n{i}() or leaf_edge(i{i})",
            ]
        numbers = "".join(f"i{i}._output_nr, " if i in needed else "0, " for i in self.edges)
        some = " or ".join(f"i{i}._output_nr" for i in needed) or "False"
        return [
            *lines,
            f"    node.next_nodes = ({''.join(f'n{i}, ' if i in needed else 'None, ' for i in self.edges)})",
            f"    node.next_nrs = ({numbers}) if {some} else None",
            f"    node.saved = ({''.join(_argument(source) + ', ' for source in self.slots)})",
            f"    node.versions = {self._versions()}",
            "    node.plan, node.apply = plan, apply",
            "    node.outputs = node.hooks = node._metadata = None",
            "    node.sequence_nr = next(sequence)",
        ]

    def _conjugated(self, indent: str) -> list[str]:
        """The line that takes the rules for plain derivatives, or refuses, where the result turns out complex."""
        if self.op.holomorphic is False:
            return []
        then = "node.plan, node.apply = conjugated(plan), None" if self.op.holomorphic else "raise real_only(plan.op)"
        return [f"{indent}if dtype is c64 or dtype is c128: {then}"]

    def _versions(self) -> str:
        """The versions of the saved inputs, None where nobody has written to any; a saved result is at 0."""
        inputs = {slot: f"i{source[7:-1]}" for source, slot in self.slots.items() if source.startswith("inputs")}
        tracked = {slot: name for slot, name in inputs.items() if slot in self.tracked}
        if not tracked:
            return "None"
        users = {i: " or ".join(self.users.get(i, ["True"])) for i in tracked}
        versions = "".join(
            f"version({tracked[i]}, {users[i]}), " if i in tracked else "0, " for i in range(len(self.slots))
        )
        written = " or ".join(f"{name}._counter is not None" for name in tracked.values())
        return f"({versions}) if {written} else None"

    def _node_scope(self) -> dict[str, Any]:
        scope = {
            "new": object.__new__,
            "node_class": self.op.node_class,
            "leaf_edge": leaf_edge,
            "version": version_to_save,
            "plan": self,
            "apply": self.on_arrays,
            "conjugated": conjugated,
            "real_only": real_only,
            "scalar": np.float32,
            "f32": np.dtype(np.float32),
            "c64": np.dtype(np.complex64),
            "c128": np.dtype(np.complex128),
            "sequence": sequence,
            "SavedResult": SavedResult,
        }
        return naming_tensor(scope)

    def in_turn(self, function: Callable[[Any], Any], grads: tuple[Any, ...]) -> tuple[Any, ...]:
        """``function`` of each gradient, called in the order in which they are computed."""
        order = sorted(range(len(grads)), key=lambda i: _turn(self.op, self.edges[i]))
        made = {i: function(grads[i]) for i in order}
        return tuple(made[i] for i in range(len(grads)))

    def look(self, node: Node) -> None:
        """Check that what ``node`` saved is there, and what it was.

        Errors: RuntimeError.
        """
        for i in self.frees:
            held = node.saved[i]
            if held is GONE:
                raise RuntimeError(FREED)
            if i in self.tracked and held._counter is not None:
                check(node, i)

    def saved_slot(self, name: str) -> int | None:
        """Where what a rule names ``name`` is kept, if this call needed it."""
        probe = Saved(self.op, (CONSTANT,) * len(self.kinds))
        probe.access(name)
        source = next(iter(probe.slots), None)
        return None if source is None else self.slots.get(source)

    def read_saved(self, node: Node, name: str) -> Any:
        """The value behind ``node._saved_<name>``.

        Errors: RuntimeError once it is freed.
        """
        index = self.saved_slot(name)
        if index is None:
            return None
        value = node.saved[index]
        if value is GONE:
            raise RuntimeError(FREED)
        if type(value) is SavedResult:
            return restore(value, node)
        return wrap(np.asarray(value)) if index in self.frees and index not in self.tracked else value


def _tuple(items: Iterable[str]) -> str:
    return f"({''.join(item + ', ' for item in items)})"


def _turn(op: Primitive, position: int) -> tuple[int, str]:
    """When an input's gradient is computed: in PyTorch's generated functions in the order of the inputs' names.

    Which of them is recorded first decides which runs last when they are differentiated in turn.
    """
    name = op.input_name(position) or ""
    if name in op.together:
        return op.together.index(name) - len(op.together), name
    return 0, _PYTORCHS_NAMES.get(name, name)


_PYTORCHS_NAMES = {"input": "self", "input_shape": "self_sym_sizes"}


def show_saved(node_class: type[Node], rules: Iterable[Rule]) -> None:
    """Give a node's class ``_saved_<name>`` and ``_raw_saved_<name>`` for what its rules name.

    They are properties because a ``__getattr__`` on the class would keep CPython from specialising every other read of
    a node, and the traversal does little else.
    """
    for name in {name for rule in rules for name in inspect.signature(rule).parameters} - {"grad", "needs"}:
        for shown in filter(None, (name, _PYTORCHS_NAMES.get(name))):
            setattr(node_class, f"_saved_{shown}", property(functools.partial(_read_saved, name=name)))
            setattr(node_class, f"_raw_saved_{shown}", property(functools.partial(_raw_saved, name=name)))


def _read_saved(node: Node, name: str) -> Any:
    return node.plan.read_saved(node, name)


def _raw_saved(node: Node, name: str) -> Any:
    from refgrad.engine.saved_hooks import SavedTensor  # floors above

    return SavedTensor(node, node.plan.saved_slot(name))


def real_only(op: Primitive) -> RuntimeError:
    """The error of an op whose complex results have no derivative."""
    return RuntimeError(f"{op.name} does not support automatic differentiation for outputs with complex dtype.")


@functools.cache
def conjugated(plan: Plan) -> Plan:
    """The plan for complex results: the rules, which state plain derivatives, between two conjugations.

    Source: for a holomorphic f PyTorch's gradient is ``grad * conj(f')``, which is ``conj(conj(grad) * f')``.
    """
    copy = object.__new__(Plan)
    for name in Plan.__slots__:
        setattr(copy, name, getattr(plan, name))

    def conj(value: Any) -> Any:
        if isinstance(value, (list, tuple)):  # of an op with several outputs
            return [conj(item) for item in value]
        return None if value is None else value.conj()

    copy.on_arrays = lambda node, grad: tuple(map(conj, plan.on_arrays(node, conj(grad))))
    copy.on_tensors = lambda node, grad: plan.in_turn(conj, plan.on_tensors(node, conj(grad)))
    return copy


def _argument(source: str) -> str:
    """The name of a call's part as ``make_node`` has it: ``inputs[1]`` -> ``i1``, ``arrays[0].shape`` -> ``a0.shape``."""
    return re.sub(
        r"^(i)nputs\[(\d+)\]|^(a)rrays\[(\d+)\]|^(p)arams\[(\d+)\]", lambda m: "".join(filter(None, m.groups())), source
    )
