"""Where the suite is."""

from pathlib import Path

__all__ = ["suite"]


def suite() -> Path:
    """The suite's folder: inside the package in a wheel, beside it in a checkout."""
    from refgrad.errors import RefgradError

    package = Path(__file__).resolve().parent.parent
    for folder in (package / "conformance", package.parent / "conformance"):
        if (folder / "pytest.ini").is_file():
            return folder
    raise RefgradError("the suite is not here: neither refgrad/conformance nor a checkout's conformance/ was found")
