"""The outcome of a case, and when an error means that a feature is lacking."""

from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Literal, get_args

from refgrad.errors import NotApplicable

__all__ = ["EXCUSED", "EXECUTED", "OUTCOMES", "PASSED", "RED", "Outcome", "excuse", "lacks"]

Outcome = Literal[
    "pass", "pass (convention)", "fail", "xfail", "xpass", "crash", "timeout", "env-error", "unsupported", "n/a"
]
OUTCOMES: tuple[str, ...] = get_args(Outcome)

PASSED = frozenset({"pass", "pass (convention)"})
EXCUSED = frozenset({"unsupported", "n/a"})  # never counted as passed
EXECUTED = frozenset(OUTCOMES) - EXCUSED - {"env-error"}
RED = frozenset({"fail", "xpass", "crash", "timeout", "env-error"})

HARNESS = Path(__file__).parent


def excuse(error: BaseException, backend: Any, suite: Path) -> tuple[Outcome, str] | None:
    """``("unsupported" | "n/a", reason)`` where ``error`` says that nothing was tested, else None."""
    if isinstance(error, NotApplicable):
        return "n/a", str(error)
    if (reason := lacks(error, backend, suite)) is not None:
        return "unsupported", reason
    return None


def lacks(error: BaseException, backend: Any, suite: Path) -> str | None:
    """What the backend says it lacks by raising ``error``, or None if ``error`` says no such thing.

    A NotImplementedError says so itself, and so does a line with words that the adapter lists as ``lacking``. In a torch
    look-alike a name that the suite asked for and that is not there does too; a missing name that the look-alike's own
    code stumbles over is its bug.
    """
    if isinstance(error, NotImplementedError):
        return str(error) or type(error).__name__
    words = getattr(backend, "lacking", ())
    if said := next((line for line in str(error).splitlines() if any(each in line for each in words)), None):
        return said
    namespace = getattr(backend, "namespace", None)
    if namespace is None or not isinstance(error, AttributeError):
        return None
    if not belongs(error.obj, namespace) or not asked_by(error.__traceback__, (suite, HARNESS)):
        return None
    return f"{owner(error.obj)}.{error.name}"


def belongs(obj: object, namespace: Any) -> bool:
    if isinstance(obj, ModuleType):
        return obj is namespace or obj.__name__.startswith(f"{namespace.__name__}.")
    tensor = getattr(namespace, "Tensor", None)
    return isinstance(tensor, type) and (isinstance(obj, tensor) or obj is tensor)


def asked_by(traceback: TracebackType | None, rooms: tuple[Path, ...]) -> bool:
    """Whether the name was looked up by a file in ``rooms``, whoever's ``__getattr__`` then gave up."""
    asker = None
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not code.co_name.startswith("__getattr"):
            asker = Path(code.co_filename)
        traceback = traceback.tb_next
    return asker is not None and any(asker.is_relative_to(room) for room in rooms)


def owner(obj: object) -> str:
    if isinstance(obj, ModuleType):
        return obj.__name__
    return obj.__name__ if isinstance(obj, type) else type(obj).__name__
