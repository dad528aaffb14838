"""Hooks that compute a weight anew before each call of its module."""

from __future__ import annotations

from typing import Any

__all__ = ["WeightHook"]


class WeightHook:
    """The hook on the weight ``name``; ``title`` is the function that puts it there."""

    title = ""

    def __init__(self, name: str) -> None:
        self.name = name

    @classmethod
    def key(cls, module: Any, name: str) -> int | None:
        """Where a module keeps its hook of this kind on the weight ``name``, if it has one."""
        held = ((key, hook.function) for key, hook in module._forward_pre_hooks.items())
        return next((key for key, hook in held if isinstance(hook, cls) and hook.name == name), None)

    @classmethod
    def refuse_second(cls, module: Any, name: str) -> None:
        """Refuse a weight that has such a hook.

        Errors: RuntimeError.
        """
        if cls.key(module, name) is not None:
            raise RuntimeError(f"Cannot register two {cls.title} hooks on the same parameter {name}")

    @classmethod
    def take_off(cls, module: Any, name: str) -> Any:
        """Let the weight be a parameter again; gives the module.

        Errors: ValueError where there is no such hook.
        """
        key = cls.key(module, name)
        if key is None:
            raise ValueError(f"{cls.title} of '{name}' not found in {module}")
        module._forward_pre_hooks.pop(key).function.remove(module)
        return module

    def remove(self, module: Any) -> None:
        """Put the parameter back."""
        raise NotImplementedError
