"""Which errors say that a feature is lacking."""

import types
from pathlib import Path

import pytest

from refgrad.errors import NotApplicable, Unsupported
from refgrad.harness.outcomes import EXCUSED, EXECUTED, OUTCOMES, RED, excuse, lacks

HERE = Path(__file__).parent
ELSEWHERE = HERE / "elsewhere"


class Tensor:
    def broken(self):
        return self._never_set


def make_backend():
    namespace = types.ModuleType("mylib")
    namespace.Tensor = Tensor
    namespace.autograd = types.ModuleType("mylib.autograd")
    return types.SimpleNamespace(namespace=namespace)


def error_of(function):
    with pytest.raises(AttributeError) as caught:
        function()
    return caught.value


def test_outcomes_part():
    """No outcome that excuses counts as executed, and every red one is known."""
    assert not EXCUSED & EXECUTED
    assert set(OUTCOMES) >= RED


def test_unsupported_and_not_applicable():
    """The two errors of refgrad that say so, say so."""
    assert excuse(Unsupported("hooks"), object(), HERE) == ("unsupported", "hooks")
    assert excuse(NotApplicable("no tape"), object(), HERE) == ("n/a", "no tape")
    assert excuse(RuntimeError("wrong"), object(), HERE) is None


def test_not_implemented():
    """A library that says NotImplementedError says that it lacks something."""
    assert lacks(NotImplementedError("no complex numbers"), object(), HERE) == "no complex numbers"


def test_own_words():
    """An adapter tells how its library says so: the line with these words is the reason."""
    backend = types.SimpleNamespace(lacking=("is not registered",))
    error = RuntimeError("C++ Traceback\nThe kernel `sign` of int8 is not registered.\n  [Hint: ...]")
    assert lacks(error, backend, HERE) == "The kernel `sign` of int8 is not registered."
    assert lacks(RuntimeError("is wrong"), backend, HERE) is None


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda xp: xp.hypot, "mylib.hypot"),
        (lambda xp: xp.autograd.grad, "mylib.autograd.grad"),
        (lambda xp: xp.Tensor().register_hook, "Tensor.register_hook"),
        (lambda xp: xp.Tensor.hook, "Tensor.hook"),
    ],
)
def test_name_that_is_not_there(ask, reason):
    """A name that the suite asks a look-alike for in vain is a lack, named by its owner."""
    backend = make_backend()
    assert lacks(error_of(lambda: ask(backend.namespace)), backend, HERE) == reason


def test_name_that_a_lazy_module_refuses():
    """A module's own __getattr__ may be the one to refuse."""
    backend = make_backend()
    # written in a file of the library's own
    exec(
        compile("def __getattr__(name): raise AttributeError(name)", "/mylib/__init__.py", "exec"),
        vars(backend.namespace),
    )
    assert lacks(error_of(lambda: backend.namespace.hypot), backend, HERE) == "mylib.hypot"


def test_bug_inside_the_library():
    """A missing name that the library's own code stumbles over is a bug."""
    backend = make_backend()
    error = error_of(lambda: backend.namespace.Tensor().broken())
    assert lacks(error, backend, ELSEWHERE) is None


def test_attribute_of_a_stranger():
    """A missing name of anything else is the suite's own mistake, or the library's."""
    assert lacks(error_of(lambda: (1).hypot), make_backend(), HERE) is None


def test_backend_without_a_namespace():
    """For backends that do not speak torch an AttributeError is an error."""
    assert lacks(error_of(lambda: types.ModuleType("mylib").hypot), object(), HERE) is None
