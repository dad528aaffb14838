"""The table in ``benchmarks/README.md``, between two markers."""

from __future__ import annotations

from pathlib import Path

README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- table: python -m benchmarks --readme -->", "<!-- end of table -->"


def put_table(text: str, path: Path = README) -> None:
    """Replace what stands between the markers.

    Errors: ValueError if a marker is missing.
    """
    page = path.read_text()
    if BEGIN not in page or END not in page:
        raise ValueError(f"{path.name} lacks the marker {BEGIN!r} or {END!r}")
    before, rest = page.split(BEGIN, 1)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.split(END, 1)[1]}")
