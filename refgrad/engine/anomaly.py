"""Anomaly mode: each node remembers where it was made, and a backward pass that fails, or yields NaN, says so."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from refgrad.engine.autograd import Task, task_type
from refgrad.engine.caller import calling_frame
from refgrad.engine.graph import AccumulateGrad, Node
from refgrad.engine.modes import Modes, modes
from refgrad.engine.watch import NodeWatch

_TRACE, _PARENT = "traceback_", "parent_"


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on, in all threads."""
    return modes.anomaly


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode, where it is on, looks for NaN."""
    return modes.check_nan


def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """Switch anomaly mode for the whole process.

    A thread that was running before takes notes from its next ``set_anomaly_enabled`` on; its passes are checked at
    once.
    """
    Modes.anomaly, Modes.check_nan = enabled, check_nan
    task_type[0] = AnomalyTask if enabled else Task
    Modes.layers, Modes.start = ((_NOTES,), 3) if enabled else ((), 1)  # what a new thread starts with
    modes.drop_layer(_NOTES)
    if enabled:
        modes.set_layers((_NOTES, *modes.layers))


class _Notes(NodeWatch):
    """Notes for each node where it was made, and by which node if that was in a backward pass."""

    def see(self, node: Node) -> None:
        if not modes.anomaly:
            return
        note_origin(node)
        for target in node.next_nodes:
            if type(target) is AccumulateGrad and _TRACE not in target.metadata:
                note_origin(target)


_NOTES = _Notes()


def note_origin(node: Node) -> None:
    """Note in ``node.metadata`` where the node is being made."""
    node.metadata[_TRACE] = traceback.format_stack(calling_frame()[0])
    current = getattr(modes.task, "current", None)
    if current is not None:
        node.metadata[_PARENT] = current


class AnomalyTask(Task):
    """A backward pass that looks at what each node gives."""

    current: Node | None = None  # the node that is running
    reported: BaseException | None = None

    def sweep(self, nodes: list[Node]) -> None:
        for node in nodes:
            self.execute(node)

    def execute(self, node: Node, grad: Any = None) -> None:
        outer, self.current = self.current, node
        try:
            super().execute(node, grad)
        except BaseException as error:
            if error is not self.reported:  # a leaf runs inside the node that completes it
                self.reported = error
                _report(node)
            raise
        finally:
            self.current = outer

    def pass_on(self, node: Node, grads: Iterable[Any]) -> None:
        held = tuple(grads)
        if modes.check_nan:
            _refuse_nan(node, held)
        super().pass_on(node, held)


def _refuse_nan(node: Node, grads: tuple[Any, ...]) -> None:
    for i, grad in enumerate(grads):
        if grad is not None and np.isnan(getattr(grad, "_array", grad)).any():
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {i}th output.")


def _report(node: Node) -> None:
    """Warn where ``node`` was made, and where the calculation that made it was."""
    _warn(_told(node, f"Error detected in {node.name()}. ", "Traceback of forward call that caused the error:\n"))
    parent = node.metadata.get(_PARENT)
    while parent is not None:
        induced = f"\n\nPrevious calculation was induced by {parent.name()}. "
        _warn(_told(parent, induced, "Traceback of forward call that induced the previous calculation:\n"))
        parent = parent.metadata.get(_PARENT)


def _told(node: Node, head: str, before_trace: str) -> str:
    trace = node.metadata.get(_TRACE)
    if trace is None:
        return (
            f"{head.strip()} No forward pass information available. Enable detect anomaly during forward pass for more "
            "information."
        )
    return head + before_trace + "".join(trace)


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=calling_frame()[1])


class set_detect_anomaly:
    """Anomaly mode on or off at once; put back at the end of a ``with`` block."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.prev, self.prev_check_nan = is_anomaly_enabled(), is_anomaly_check_nan_enabled()
        set_anomaly_enabled(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *args: object) -> None:
        set_anomaly_enabled(self.prev, self.prev_check_nan)


class detect_anomaly:
    """Anomaly mode inside; slow, and says so."""

    def __init__(self, check_nan: bool = True) -> None:
        self.prev, self.prev_check_nan = is_anomaly_enabled(), is_anomaly_check_nan_enabled()
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
            "debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        set_anomaly_enabled(True, self.check_nan)

    def __exit__(self, *args: object) -> None:
        set_anomaly_enabled(self.prev, self.prev_check_nan)
