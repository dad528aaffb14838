"""Recurrent networks: a state that each step of a sequence changes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

from refgrad.engine import ops
from refgrad.engine.creation import empty, zeros
from refgrad.nn import functional as F
from refgrad.nn import init
from refgrad.nn.modules.module import Module
from refgrad.nn.parameter import Parameter

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

State = tuple[Any, ...]
Step = Callable[[Any, State, Any, Any], State]


# one step -------------------------------------------------------------------------------------------------------------


def _tanh_step(given: Any, state: State, weight: Any, bias: Any) -> State:
    return (ops.tanh(given + F.linear(state[0], weight, bias)),)


def _relu_step(given: Any, state: State, weight: Any, bias: Any) -> State:
    return (ops.relu(given + F.linear(state[0], weight, bias)),)


def _gru_step(given: Any, state: State, weight: Any, bias: Any) -> State:
    """Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014), eq. 5 to 8."""
    of_input, of_state = ops.chunk(given, 3, -1), ops.chunk(F.linear(state[0], weight, bias), 3, -1)
    reset, update = (ops.sigmoid(x + h) for x, h in zip(of_input[:2], of_state[:2]))
    new = ops.tanh(of_input[2] + reset * of_state[2])
    return (new + update * (state[0] - new),)


def _lstm_step(given: Any, state: State, weight: Any, bias: Any) -> State:
    """Hochreiter and Schmidhuber, "Long short-term memory" (1997), with the forget gate of Gers et al. (2000)."""
    entry, forget, cell, output = ops.chunk(given + F.linear(state[0], weight, bias), 4, -1)
    memory = ops.sigmoid(forget) * state[1] + ops.sigmoid(entry) * ops.tanh(cell)
    return ops.sigmoid(output) * ops.tanh(memory), memory


_STEPS: dict[str, Step] = {"RNN_TANH": _tanh_step, "RNN_RELU": _relu_step, "GRU": _gru_step, "LSTM": _lstm_step}
_GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "GRU": 3, "LSTM": 4}


def _draw(module: Module, width: int) -> None:
    bound = 1.0 / math.sqrt(width) if width > 0 else 0
    for weight in module.parameters():
        init.uniform_(weight, -bound, bound)


# whole sequences ------------------------------------------------------------------------------------------------------


class RNNBase(Module):
    """Layers of a recurrent network of one ``mode``: ``"RNN_TANH"``, ``"RNN_RELU"``, ``"GRU"`` or ``"LSTM"``.

    Errors: ValueError for sizes that make no network, TypeError for what is no size.
    """

    def __init__(
        self, mode: str, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0,
        device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        _check_sizes(mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, proj_size)
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            for suffix in ("", "_reverse") if bidirectional else ("",):
                self._all_weights.append(self._add(layer, suffix, device, dtype))
        self.reset_parameters()

    def _add(self, layer: int, suffix: str, device: Any, dtype: Any) -> list[str]:
        """The parameters of a layer in one direction, and their names."""
        rows, width = _GATES[self.mode] * self.hidden_size, self.proj_size or self.hidden_size
        below = self.input_size if layer == 0 else width * (2 if self.bidirectional else 1)
        shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, below), "weight_hh": (rows, width)}
        if self.bias:
            shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
        if self.proj_size:
            shapes["weight_hr"] = (self.proj_size, self.hidden_size)
        for name, shape in shapes.items():
            setattr(self, f"{name}_l{layer}{suffix}", Parameter(empty(shape, device=device, dtype=dtype)))
        return [f"{name}_l{layer}{suffix}" for name in shapes]

    @property
    def all_weights(self) -> list[list[Any]]:
        """The parameters, a list for each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Nothing: only other devices need their parameters in one piece."""

    def reset_parameters(self) -> None:
        """Draw new values: uniform within one over the root of the hidden size."""
        _draw(self, self.hidden_size)

    def extra_repr(self) -> str:
        defaults = {
            "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0, "bidirectional": False,
        }  # fmt: skip
        shown = (f", {name}={getattr(self, name)}" for name, value in defaults.items() if getattr(self, name) != value)
        return f"{self.input_size}, {self.hidden_size}" + "".join(shown)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        if input.dim() not in (2, 3):
            raise ValueError(f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.dim()}D instead")
        batched = input.dim() == 3
        steps = input if batched else input.unsqueeze(0 if self.batch_first else 1)
        steps = steps.transpose(0, 1) if self.batch_first else steps
        if steps.shape[-1] != self.input_size:
            told = f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {steps.shape[-1]}"
            raise RuntimeError(told)
        output, last = self._run(steps, self._start(steps, hx, batched))
        output = output.transpose(0, 1) if self.batch_first else output
        if not batched:
            output, last = output.squeeze(0 if self.batch_first else 1), tuple(s.squeeze(1) for s in last)
        return output, last if self.mode == "LSTM" else last[0]

    def _start(self, steps: Any, hx: Any, batched: bool) -> State:
        """The first state of all layers: zeros, unless it is given.

        Errors: RuntimeError for one of another shape.
        """
        count = self.num_layers * (2 if self.bidirectional else 1)
        widths = (self.proj_size or self.hidden_size, self.hidden_size)[: 2 if self.mode == "LSTM" else 1]
        shapes = [(count, steps.shape[1], width) for width in widths]
        if hx is None:
            return tuple(zeros(shape, dtype=steps.dtype) for shape in shapes)
        given = tuple(hx) if self.mode == "LSTM" else (hx,)
        given = given if batched else tuple(state.unsqueeze(1) for state in given)
        for name, state, shape in zip(("[0]", "[1]"), given, shapes):
            if tuple(state.shape) != shape:
                which = f" hidden{name if self.mode == 'LSTM' else ''} size"
                raise RuntimeError(f"Expected{which} {shape}, got {list(state.shape)}")
        return given

    def _run(self, steps: Any, start: State) -> tuple[Any, State]:
        """All layers over all steps: what the last layer gives, and where each layer ends."""
        directions, last = 2 if self.bidirectional else 1, []
        for layer in range(self.num_layers):
            given = []
            for direction in range(directions):
                place = directions * layer + direction
                output, state = self._sweep(steps, tuple(s[place] for s in start), place, bool(direction))
                given.append(output)
                last.append(state)
            steps = ops.cat(given, -1) if directions == 2 else given[0]
            if self.dropout and layer < self.num_layers - 1:
                steps = F.dropout(steps, self.dropout, self.training)
        return steps, tuple(ops.stack(states) for states in zip(*last))

    def _sweep(self, steps: Any, state: State, place: int, backwards: bool) -> tuple[Any, State]:
        """One layer in one direction."""
        weights = dict(zip(("ih", "hh", "bias_ih", "bias_hh") if self.bias else ("ih", "hh"), self.all_weights[place]))
        project = self.all_weights[place][-1] if self.proj_size else None
        given, step = F.linear(steps, weights["ih"], weights.get("bias_ih")), _STEPS[self.mode]
        rows, outputs = ops.unbind(given, 0), []
        for row in reversed(rows) if backwards else rows:
            state = step(row, state, weights["hh"], weights.get("bias_hh"))
            if project is not None:
                state = (F.linear(state[0], project), *state[1:])
            outputs.append(state[0])
        return ops.stack(outputs[::-1] if backwards else outputs), state


def _check_sizes(
    mode: str, input_size: Any, hidden_size: Any, num_layers: int, bias: Any, batch_first: Any, dropout: Any,
    proj_size: int,
) -> None:  # fmt: skip
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
        raise ValueError(
            "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
        )
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects num_layers greater "
            f"than 1, but got dropout={dropout} and num_layers={num_layers}",
            UserWarning,
            stacklevel=4,
        )
    for name, value, kind in (
        ("bias", bias, bool), ("batch_first", batch_first, bool), ("input_size", input_size, int),
        ("hidden_size", hidden_size, int),
    ):  # fmt: skip
        if not isinstance(value, kind):
            raise TypeError(f"{name} should be of type {kind.__name__}, got: {type(value).__name__}")
    for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
        if size <= 0:
            raise ValueError(f"{name} must be greater than zero")
    if proj_size < 0:
        raise ValueError("proj_size should be a positive integer or zero to disable projections")
    if proj_size >= hidden_size:
        raise ValueError("proj_size has to be smaller than hidden_size")
    if mode not in _STEPS:
        raise ValueError("Unrecognized RNN mode: " + mode)


class RNN(RNNBase):
    """Elman's network: ``tanh`` or ``relu`` of a linear map of input and state.

    Shapes: input ``(L, N, input_size)``, or with the batch first, or without one; state ``(layers, N, hidden_size)``.
    Source: J. Elman, "Finding structure in time" (1990).
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, nonlinearity: str = "tanh", bias: bool = True,
        batch_first: bool = False, dropout: float = 0.0, bidirectional: bool = False, device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            0, device, dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory: gates decide what enters a cell, what stays in it and what leaves it.

    Shapes: as for ``RNN``; the state is the pair of hidden state and cell.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, proj_size: int = 0, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size, device,
            dtype,
        )  # fmt: skip


class GRU(RNNBase):
    """Gated recurrent units: gates decide what is kept of the state and what is replaced.

    Shapes: as for ``RNN``.
    """

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, bias: bool = True, batch_first: bool = False,
        dropout: float = 0.0, bidirectional: bool = False, device: Any = None, dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )


# single steps ---------------------------------------------------------------------------------------------------------


class RNNCellBase(Module):
    """The parameters of one step with ``num_chunks`` gates."""

    mode = ""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty((rows, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(empty((rows, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new values: uniform within one over the root of the hidden size."""
        _draw(self, self.hidden_size)

    def extra_repr(self) -> str:
        shown = f"{self.input_size}, {self.hidden_size}" + ("" if self.bias is True else f", bias={self.bias}")
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return shown + ("" if nonlinearity == "tanh" else f", nonlinearity={nonlinearity}")

    def _step(self, input: Any, state: Any) -> State:
        """One step from ``state``, zeros without one.

        Errors: ValueError for other numbers of dimensions.
        """
        name = type(self).__name__
        if input.dim() not in (1, 2):
            raise ValueError(f"{name}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        states = 2 if self.mode == "LSTM" else 1
        shape = (*input.shape[:-1], self.hidden_size)
        held = (zeros(shape, dtype=input.dtype),) * states if state is None else state
        for i, s in enumerate(held):
            if s.dim() not in (1, 2):
                which = f"hx[{i}]" if states == 2 else "hidden"
                raise ValueError(f"{name}: Expected {which} to be 1D or 2D, got {s.dim()}D instead")
        given = F.linear(input, self.weight_ih, self.bias_ih)
        return _STEPS[self.mode](given, tuple(held), self.weight_hh, self.bias_hh)


class RNNCell(RNNCellBase):
    """One step of ``RNN``."""

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, nonlinearity: str = "tanh", device: Any = None,
        dtype: Any = None,
    ) -> None:  # fmt: skip
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        self.mode = f"RNN_{self.nonlinearity.upper()}"
        return self._step(input, None if hx is None else (hx,))[0]


class LSTMCell(RNNCellBase):
    """One step of ``LSTM``."""

    mode = "LSTM"

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> State:
        return self._step(input, hx)


class GRUCell(RNNCellBase):
    """One step of ``GRU``."""

    mode = "GRU"

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        return self._step(input, None if hx is None else (hx,))[0]
