"""``refgrad new``: the files of a plugin, which install and run as they are."""

import argparse
import keyword
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from refgrad.commands.parser import GREEN, Commands, refuse, subcommand

__all__ = ["add"]

SKELETONS = Path(__file__).resolve().parent.parent / "skeletons"
STYLES = {  # what a plugin of that style is put together from
    "namespace": ("every", "namespace"),
    "tape": ("every", "toy", "tape"),
    "functional": ("every", "toy", "functional"),
    "wire": ("every", "toy", "wire"),
}
EXAMPLES = """\
examples:
  refgrad new mylib --style=namespace      a module that speaks torch: its names, its keywords, its tensors' methods
  refgrad new mylib --style=tape           eager tensors with a backward() of their own
  refgrad new mylib --style=functional     pure functions, and a vjp of them
  refgrad new mylib --style=wire           a process that speaks JSON lines: any language, any environment
  refgrad new mylib --style=tape --out ~/src

What is written is a distribution, refgrad-mylib, that runs at once on a toy library:

  cd refgrad-mylib
  pip install -e .
  refgrad check mylib

docs/backend-authors.md goes on from there.

exit codes: 0 written, 4 a name that will not do, or a folder that is there already
"""


def add(commands: Commands) -> None:
    added = subcommand(commands, "new", new, "write the adapter of a new backend", EXAMPLES)
    added.add_argument("name", metavar="NAME", help="what the backend is called: small letters, digits and _")
    added.add_argument("--style", choices=STYLES, required=True, help="what the library is like")
    added.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="where refgrad-NAME goes (here)")


def new(options: argparse.Namespace, rest: list[str]) -> int:
    """Write the folder, and say what to do with it."""
    refuse(rest)
    check_name(options.name)
    target = write(options.name, options.style, options.out)
    print(f"wrote {target}")
    print(*(f"    {path.relative_to(target).as_posix()}" for path in sorted(target.rglob("*.*"))), sep="\n")
    print(f"now:\n    cd {target}\n    pip install -e .\n    refgrad check {options.name}")
    return GREEN


def check_name(name: str) -> None:
    """Refuse what cannot be a module, or is one already.

    Errors: ``RefgradError``.
    """
    from refgrad.errors import RefgradError
    from refgrad.harness import registry

    if name in registry.names() or name in registry.PLUGINS:
        raise RefgradError(f"there is a backend {name!r} already: choose another name")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        close = re.sub(r"\W+", "_", name.lower()).strip("_0123456789")
        hint = f", as {close}" if close else ""
        raise RefgradError(f"{name!r} is no name for a backend: it takes small letters, digits and _{hint}")
    if keyword.iskeyword(name) or name in sys.stdlib_module_names or name in ("np", "toy"):
        raise RefgradError(f"{name!r} means something else in Python: choose another name")


def write(name: str, style: str, out: Path) -> Path:
    """The folder with the plugin, whole or not at all.

    Errors: ``RefgradError`` where there is something in its place.
    """
    from refgrad.errors import RefgradError

    target = out / f"refgrad-{name}"
    if target.exists():
        raise RefgradError(f"{target} is there already: nothing was written")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".refgrad-new-") as folder:
        made = Path(folder, target.name)
        for path, text in files(name, style):
            file = made / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        os.rename(made, target)
    return target


def files(name: str, style: str) -> Iterator[tuple[str, str]]:
    """Each file of the skeleton with its path, called by the backend's name."""
    for room in (SKELETONS / part for part in STYLES[style]):
        for path in sorted(room.rglob("*.*")):
            if "__pycache__" not in path.parts:
                yield (
                    called(path.relative_to(room).as_posix(), name),
                    called(path.read_text(encoding="utf-8"), name),
                )


def called(text: str, name: str) -> str:
    """``text`` about mylib, about ``name``."""
    camel = "".join(part.capitalize() for part in name.split("_"))
    return text.replace("MyLib", camel).replace("mylib", name)
