"""The errors that refgrad itself raises, each a branch of one tree.

    RefgradError
    ├── UnknownBackend       (LookupError)          no backend goes by this name
    ├── BackendUnavailable   (ImportError)          the backend's library is missing, or broken
    ├── InvalidBackend       (TypeError)            a required method is lacking, or an option is wrong
    ├── BackendCrashed       (RuntimeError)         the process that the backend lives in died
    ├── BackendTimeout       (TimeoutError)         it did not answer in time
    ├── ProtocolError        (ValueError)           it does not speak the wire protocol
    ├── Unsupported          (NotImplementedError)  the backend lacks a feature
    ├── NotApplicable                               the backend's profile cannot express the check
    ├── UnknownRelease       (ValueError)           a release of torch whose behaviour is not known, or no release at all
    ├── InvalidCampaign                             a folder that holds another campaign, or none that can be read
    ├── InvalidExpectations  (ValueError)           an expectations.toml that says nothing, or too much
    ├── InvalidGoldens                              recorded answers that are missing, or of other inputs
    ├── InvalidProgram       (ValueError)           a program that is malformed, out of bounds, or names what is not there
    └── InvalidRun                                  a run whose results prove nothing

What a *backend* raises keeps its own class: PyTorch's errors are plain ``RuntimeError``, ``TypeError``, ``IndexError``.
"""

from __future__ import annotations

__all__ = [
    "BackendCrashed",
    "BackendTimeout",
    "BackendUnavailable",
    "InvalidBackend",
    "InvalidCampaign",
    "InvalidExpectations",
    "InvalidGoldens",
    "InvalidProgram",
    "InvalidRun",
    "NotApplicable",
    "ProtocolError",
    "RefgradError",
    "UnknownBackend",
    "UnknownRelease",
    "Unsupported",
]


class RefgradError(Exception):
    """Anything that refgrad, and not the library under test, has to say."""


class UnknownBackend(RefgradError, LookupError):
    """No installed backend, module or file answers to the name."""


class BackendUnavailable(RefgradError, ImportError):
    """The backend is known, but what it needs is not here; ``install`` is the line that mends it."""

    def __init__(self, message: str, *, install: str | None = None) -> None:
        super().__init__(message if install is None else f"{message}; mend it with: {install}")
        self.install = install


class InvalidBackend(RefgradError, TypeError):
    """The backend lacks a required method, or was given an option that it does not know."""


class BackendCrashed(RefgradError, RuntimeError):
    """The process that the backend lives in died: a segmentation fault, an exit, a limit of memory or output."""


class BackendTimeout(RefgradError, TimeoutError):
    """The process that the backend lives in was killed, for it did not answer in time."""


class ProtocolError(RefgradError, ValueError):
    """What was read, or would have been sent, is no message of the wire protocol."""


class Unsupported(RefgradError, NotImplementedError):
    """The backend lacks ``feature``; a check that meets it is counted as unsupported, never as passed."""

    def __init__(self, feature: str, reason: str | None = None) -> None:
        super().__init__(feature if reason is None else f"{feature}: {reason}")
        self.feature = feature


class NotApplicable(RefgradError):
    """The backend's profile cannot express the check at all."""


class UnknownRelease(RefgradError, ValueError):
    """What was asked for is no release of torch, or one whose behaviour the catalogue does not know."""


class InvalidCampaign(RefgradError):
    """A folder that holds another campaign, is in use by one, or cannot be read."""


class InvalidExpectations(RefgradError, ValueError):
    """An ``expectations.toml`` with an entry that lacks a reason, matches nothing, or is surprised by a pass."""


class InvalidProgram(RefgradError, ValueError):
    """A program's file that is malformed, out of bounds, or names what is not there."""


class InvalidGoldens(RefgradError):
    """PyTorch's answer to a question is not recorded, or was recorded for other inputs."""


class InvalidRun(RefgradError):
    """A run that proves nothing: nothing executed, a lost footer, a case list that shrank."""
