"""The options of a backend, ``torch:device=cuda:1,func=1``: the keyword arguments of its class or factory."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin

from refgrad.errors import InvalidBackend

__all__ = ["arguments", "parsed", "told"]

BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parsed(spec: str, text: str) -> dict[str, str]:
    """``key=value,key=value`` as a dictionary; a value may hold colons.

    Errors: ``InvalidBackend``.
    """
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    wrong = [key for key, equals, _ in pairs if not (equals and key.isidentifier())]
    if wrong or not pairs:
        raise InvalidBackend(f"{spec}: options are written {spec.partition(':')[0]}:key=value,key=value")
    return {key: value for key, _, value in pairs}


def arguments(asked: str, factory: Callable[..., Any], given: dict[str, str]) -> dict[str, Any]:
    """What ``factory`` is called with: each option as its parameter takes it.

    Errors: ``InvalidBackend`` for an option that is unknown, missing, or not of the parameter's kind or choices.
    """
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):  # of C
        return dict(given)
    known = named(factory)
    unknown = sorted(given.keys() - known.keys())
    if unknown and not any(each.kind is each.VAR_KEYWORD for each in parameters):
        raise InvalidBackend(f"{asked}: no option {', '.join(map(repr, unknown))}; it has {', '.join(known) or 'none'}")
    needed = [name for name, each in known.items() if each.default is each.empty and name not in given]
    if needed:
        raise InvalidBackend(f"{asked}: needs the option {', '.join(needed)}, written {asked}:{needed[0]}=...")
    return {key: coerced(asked, key, text, known.get(key)) for key, text in given.items()}


def told(factory: Any) -> tuple[str, ...]:
    """The options of ``factory`` with what each takes: ``device=cpu``, ``func=0|1``, ``compile=no|eager``."""
    if not callable(factory):
        return ()
    return tuple(f"{name}={values(each)}" for name, each in named(factory).items())


def named(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters that can be given by name."""
    try:
        found = inspect.signature(factory, eval_str=True).parameters
    except NameError:  # annotations that only a type checker can read
        found = inspect.signature(factory).parameters
    return {name: each for name, each in found.items() if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD)}


def values(parameter: inspect.Parameter) -> str:
    """What an option takes, or its default."""
    if isinstance(parameter.default, bool):
        return "0|1"
    offered = choices(parameter)
    return "|".join(offered) if offered else "..." if parameter.default is parameter.empty else str(parameter.default)


def choices(parameter: inspect.Parameter) -> tuple[str, ...]:
    """The values of a parameter that is a ``Literal``."""
    return get_args(parameter.annotation) if get_origin(parameter.annotation) is Literal else ()


def coerced(asked: str, key: str, text: str, parameter: inspect.Parameter | None) -> Any:
    """An option's text as the type of its default."""
    kind = str if parameter is None else type(parameter.default)
    offered = () if parameter is None else choices(parameter)
    if offered and text not in offered:
        raise InvalidBackend(f"{asked}: option {key}={text!r} is none of {', '.join(offered)}")
    if kind is bool and text.lower() in BOOLEANS:
        return BOOLEANS[text.lower()]
    if kind not in (bool, int, float):
        return text
    try:
        return {int: int, float: float}[kind](text)
    except (KeyError, ValueError) as error:
        raise InvalidBackend(f"{asked}: option {key}={text!r} is no {kind.__name__}") from error
