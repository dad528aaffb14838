"""``refgrad backends``: what is installed."""

import argparse
from typing import TYPE_CHECKING

from refgrad.commands.parser import GREEN, Commands, refuse, subcommand

if TYPE_CHECKING:
    from refgrad.harness.registry import Found

__all__ = ["add"]


def add(commands: Commands) -> None:
    subcommand(commands, "backends", backends, "list the installed backends, and why one would not load")


def backends(options: argparse.Namespace, rest: list[str]) -> int:
    """One line a backend."""
    refuse(rest)
    from refgrad.harness import registry

    found = registry.installed()
    width = max(len(each.name) for each in found)
    for each in found:
        print(f"{each.name:<{width}}  {described(each)}")
    return GREEN


def described(found: "Found") -> str:
    """Version, profiles, origin and options; or why it would not load."""
    if found.error is not None:
        return f"would not load: {found.error}"
    options = f"  options {' '.join(found.options)}" if found.options else ""
    return f"{found.version}  {', '.join(sorted(found.profiles))}  {found.homepage}  (from {found.origin}){options}"
