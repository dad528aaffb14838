"""Backends at the other end of the wire: found, used, killed and started again."""

import gc
import json
import os
import signal
import sys
from contextlib import closing
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from refgrad.errors import BackendCrashed, BackendTimeout, BackendUnavailable, NotApplicable, ProtocolError, Unsupported
from refgrad.harness import adapters, registry
from refgrad.harness.backend import capabilities, profiles
from refgrad.harness.session import declared
from refgrad.harness.wire import WireBackend
from refgrad.harness.wire.check import SCHEMA
from refgrad.harness.wire.connection import RemoteError

HERE = Path(__file__).parent
TINY = f"{sys.executable} {HERE / 'tiny_server.py'}"
ADAPTERS = HERE / "served.py"


def served(name, **options):
    return closing(WireBackend(f"{sys.executable} -m refgrad.harness.wire serve {ADAPTERS}:{name}", **options))


@pytest.fixture(scope="module")
def tape():
    """A tape served by refgrad itself."""
    with served("Tape") as backend:
        yield backend


@pytest.fixture(scope="module")
def functional():
    """A functional library served by refgrad itself."""
    pytest.importorskip("autograd")
    with served("Functional") as backend:
        yield backend


def test_found_by_its_command():
    """``exec:COMMAND`` names a backend of any language."""
    with closing(registry.load(f"exec:{TINY}")) as backend:
        assert (backend.name, backend.version, backend.homepage) == ("tiny", "1.0", "https://example.org/tiny")
        assert profiles(backend) == {"core", "tape"}
        assert capabilities(backend) == {"core", "tape", "no_grad"}


@pytest.mark.parametrize(
    ("spec", "error", "says"),
    [
        ("exec:", BackendUnavailable, "needs a command"),
        ("exec:no-such-program --now", BackendUnavailable, "cannot be started"),
        (f"exec:{TINY} exits", BackendUnavailable, "ended with exit status 1; it last said: no licence found"),
        (f"exec:{TINY} old", ProtocolError, 'must have "protocol": 1'),
        (f"exec:{sys.executable} -m refgrad.harness.wire serve nosuch", BackendUnavailable, "no backend 'nosuch'"),
    ],
)
def test_what_does_not_start(spec, error, says):
    """A command that does not get as far as its identity is one clear error."""
    with pytest.raises(error, match=says):
        registry.load(spec)


def test_same_profiles(tape, functional):
    """A served backend has the profiles and the features that it has at home."""
    for backend, name in ((tape, "Tape"), (functional, "Functional")):
        home = registry.load(f"{ADAPTERS}:{name}")
        assert capabilities(backend) == capabilities(home)


def test_hook_is_removed():
    """A hook runs on this side, and may be removed from the other."""
    seen = []
    with closing(WireBackend(f"{sys.executable} -m refgrad.harness.wire serve {HERE / 'hooked.py'}:Hooked")) as backend:
        xp = adapters.facade(backend)
        x = xp.tensor([1.0], requires_grad=True)
        hook = x.register_hook(lambda grad: seen.append(grad.item()))
        (x * 2).backward(xp.ones(1))
        hook.remove()
        (x * 3).backward(xp.ones(1))
        assert (seen, x.grad.item()) == ([2.0], 5.0)


def test_declared_gaps_come_along(tmp_path):
    """The expectations beside a served adapter hold for it here, too."""
    (tmp_path / "adapter.py").write_text(ADAPTERS.read_text())
    (tmp_path / "tiny_tape.py").write_text((HERE.parent / "tiny_tape.py").read_text())
    (tmp_path / "expectations.toml").write_text('[[expect]]\ntest = "t.py::t"\noutcome = "fail"\nreason = "so it is"\n')
    with closing(
        registry.load(f"exec:{sys.executable} -m refgrad.harness.wire serve {tmp_path}/adapter.py:Tape")
    ) as backend:
        assert [each.test for each in declared(backend, "exec:...", None).entries] == ["t.py::t"]


def test_torch_words_on_a_tape(tape):
    """What is written in torch's words runs over the wire: operators, backward, gradients, modes."""
    xp = adapters.facade(tape)
    x = xp.tensor([1.0, 2.0, 3.0], requires_grad=True)
    ((x * x + 3) / 2).sum().backward()
    assert x.grad.tolist() == [1.0, 2.0, 3.0]
    with xp.no_grad():
        y = x * x
    assert (x.requires_grad, y.requires_grad) == (True, False)


def test_functions_are_called_back(functional):
    """The function of a vjp runs here, with values that live there; so do derivatives of derivatives."""
    calculus = adapters.calculus(functional)
    value, (grad,) = calculus.vjp(lambda xp, x: (xp.exp(x) * x).sum(), (np.array([0.0, 1.0]),))
    assert value == pytest.approx(np.e)
    assert grad == pytest.approx([1.0, 2 * np.e])
    assert calculus.grad(lambda xp, x: (x**3).sum(), np.array([1.0, 2.0]), order=2).tolist() == [6.0, 12.0]


def test_an_error_crosses_twice(functional):
    """An error raised here, in a function called from there, comes back as what it was."""

    def fn(xp, x):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        adapters.calculus(functional).vjp(fn, (np.ones(2),))


@pytest.mark.parametrize("error", [Unsupported, NotApplicable])
def test_what_a_function_lacks_crosses_twice(functional, error):
    """So does what refgrad says of a function: the other side leaves it, instead of waiting in it, deeper each time."""

    def fn(xp, x):
        raise error("mine")

    for _ in range(300):
        with pytest.raises(error, match="mine"):
            adapters.calculus(functional).vjp(fn, (np.ones(2),))
    assert adapters.calculus(functional).grad(lambda xp, x: (x**2).sum(), np.ones(2)).tolist() == [2.0, 2.0]


def test_errors_are_answers(tape):
    """What the library raises is raised here: by its builtin class, or under its own name; the process lives on."""
    ops = tape.ops()
    with pytest.raises(ZeroDivisionError, match="by nothing"):
        ops["divide_by_nothing"](tape.asarray(np.ones(1)))
    with pytest.raises(RemoteError, match="odd") as caught:
        ops["odd"](tape.asarray(np.ones(1)))
    assert type(caught.value).__name__ == "OddError"
    with pytest.raises(Unsupported, match="sum\\(nosuch\\)"):
        ops["sum"](tape.asarray(np.ones(1)), nosuch=1)
    assert tape.to_numpy(tape.asarray(np.ones(1))).tolist() == [1.0]


@pytest.mark.parametrize("dtype", ["bool", "int8", "int64", "uint64", "float16", "float32", "float64", "complex64"])
@pytest.mark.parametrize("shape", [(), (0,), (2, 3), (2, 0, 3)])
def test_values_keep_dtype_and_shape(tape, dtype, shape):
    """An array is the same array after the journey there and back."""
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(dtype)
    back = tape.to_numpy(tape.asarray(array))
    assert (back.dtype, back.shape, back.tolist()) == (array.dtype, array.shape, array.tolist())


def test_handles_are_released(tape):
    """A value that nobody holds here is not held there."""
    before = tape.request("asarray", np.ones(1)).number
    for _ in range(50):
        tape.asarray(np.ones(3))
    gc.collect()
    held = tape.ops()["held"](tape.asarray(np.ones(1)))
    assert int(tape.to_numpy(held)) < 10
    assert tape.asarray(np.ones(1)).number > before + 50


def test_functions_are_not_kept(functional):
    """A function that was lent for one request is forgotten after it."""
    adapters.calculus(functional).vjp(lambda xp, x: x.sum(), (np.ones(2),))
    assert functional._connection._functions == {}


def test_what_a_library_prints_does_no_harm(tape):
    """A served library may print, from Python or from C."""
    assert tape.to_numpy(tape.ops()["print"](tape.asarray(np.ones(1)))).tolist() == [1.0]
    assert list(tape._connection.noise) == []


def test_a_crash_is_one_error_and_the_next_request_starts_anew():
    """A library that dies takes its values with it, not the run."""
    with served("Tape") as backend:
        lost = backend.asarray(np.ones(2))
        with pytest.raises(BackendCrashed, match="was killed by SIGSEGV"):
            backend.ops()["segfault"](lost)
        assert backend.to_numpy(backend.asarray(np.ones(2))).tolist() == [1.0, 1.0]
        with pytest.raises(ProtocolError, match="was lost with the process that held it"):
            backend.to_numpy(lost)


def test_killed_from_outside():
    """A process that was killed between two requests is started anew."""
    with served("Tape") as backend:
        os.kill(backend._connection._process.pid, signal.SIGKILL)
        backend._connection._process.wait()
        assert backend.to_numpy(backend.asarray(np.ones(2))).tolist() == [1.0, 1.0]


def test_a_hang_is_one_error():
    """A library that does not come back is killed after its time."""
    with served("Tape", timeout=20.0) as backend:
        held = backend.asarray(np.ones(1))
        backend._connection.timeout = 0.5
        with pytest.raises(BackendTimeout, match=r"no answer within 0\.5 s"):
            backend.ops()["hang"](held)


def test_too_long_a_line_is_not_sent(tape):
    """A value that does not fit into a line is refused before it is sent."""
    with pytest.raises(ProtocolError, match="longer than the 67,108,864"):
        tape.asarray(np.zeros(10_000_000))
    assert tape.to_numpy(tape.asarray(np.ones(2))).tolist() == [1.0, 1.0]


def test_the_schema_describes_the_conversation(monkeypatch, functional):
    """Every message that is sent or received keeps to the published schema."""
    schema = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    jsonschema.Draft202012Validator.check_schema(schema.schema)
    connection, seen = functional._connection, []
    send, receive = connection._send, connection._receive
    monkeypatch.setattr(connection, "_send", lambda message: (seen.append(message), send(message))[1])
    monkeypatch.setattr(connection, "_receive", lambda: (found := receive(), seen.append(found))[0])
    connection.hello()
    adapters.calculus(functional).vjp(lambda xp, x: (x[..., 1:] * float("inf")).sum(), (np.ones((2, 3)),))
    with pytest.raises(Unsupported):
        functional.request("op", "nosuch")
    assert len(seen) > 10
    for message in seen:
        schema.validate(message)
