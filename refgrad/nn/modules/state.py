"""A module's parameters and buffers as a dictionary, and back."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from refgrad.engine.grad_mode import no_grad
from refgrad.engine.tensor import Tensor
from refgrad.nn.parameter import Parameter

if TYPE_CHECKING:
    from refgrad.nn.modules.module import Module

__all__ = ["load", "load_own", "save", "save_own"]

EXTRA_STATE = "_extra_state"


class StateDict(OrderedDict[str, Any]):
    """The dictionary, with each module's version in ``_metadata``."""

    _metadata: OrderedDict[str, dict[str, Any]]


class _IncompatibleKeys(namedtuple("_IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What ``load_state_dict`` gives: keys that only one side had."""

    __slots__ = ()

    def __repr__(self) -> str:
        return super().__repr__() if self.missing_keys or self.unexpected_keys else "<All keys matched successfully>"

    __str__ = __repr__


def save(module: Module, destination: Any, prefix: str, keep_vars: bool) -> Any:
    """Put the state of ``module`` and of all below it into ``destination``."""
    if destination is None:
        destination = StateDict()
        destination._metadata = OrderedDict()
    metadata = {"version": module._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = metadata
    for hook in module._state_dict_pre_hooks.values():
        hook(module, prefix, keep_vars)
    module._save_to_state_dict(destination, prefix, keep_vars)
    for name, child in module._modules.items():
        if child is not None:
            child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    for hook in module._state_dict_hooks.values():
        if hook(module, destination, prefix, metadata) is not None:
            raise RuntimeError("state_dict post-hook must return None")
    return destination


def save_own(module: Module, destination: Any, prefix: str, keep_vars: bool) -> None:
    """Put the state of ``module`` alone into ``destination``."""
    for name, tensor in own_tensors(module).items():
        destination[prefix + name] = tensor if keep_vars else tensor.detach()
    if _is_overridden(module, "get_extra_state"):
        destination[prefix + EXTRA_STATE] = module.get_extra_state()


def own_tensors(module: Module) -> dict[str, Any]:
    """The parameters and persistent buffers that ``module`` itself has."""
    buffers = ((k, v) for k, v in module._buffers.items() if k not in module._non_persistent_buffers_set)
    return {name: tensor for name, tensor in (*module._parameters.items(), *buffers) if tensor is not None}


def _is_overridden(module: Module, method: str) -> bool:
    from refgrad.nn.modules.module import Module

    return getattr(type(module), method) is not getattr(Module, method)


def load(module: Module, state_dict: Any, strict: bool, assign: bool) -> _IncompatibleKeys:
    """Copy what ``state_dict`` holds into ``module`` and all below it; with ``assign``, put its tensors in their place.

    Errors: TypeError for no mapping; RuntimeError for shapes that differ and, if ``strict``, for keys that do.
    """
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    loading = Loading(getattr(state_dict, "_metadata", None), assign)
    loading.run(module, OrderedDict(state_dict), "")
    errors = loading.errors
    if strict:
        errors = _key_errors("Unexpected", loading.unexpected) + errors
        errors = _key_errors("Missing", loading.missing) + errors
    if errors:
        lines = "\n\t".join(errors)
        raise RuntimeError(f"Error(s) in loading state_dict for {type(module).__name__}:\n\t{lines}")
    return _IncompatibleKeys(loading.missing, loading.unexpected)


def _key_errors(kind: str, keys: list[str]) -> list[str]:
    named = ", ".join(f'"{key}"' for key in keys)
    return [f"{kind} key(s) in state_dict: {named}. "] if keys else []


class Loading:
    """One ``load_state_dict``: what it was given, and what it could not place."""

    def __init__(self, metadata: Any, assign: bool) -> None:
        self.metadata, self.assign = metadata or {}, assign
        self.missing: list[str] = []
        self.unexpected: list[str] = []
        self.errors: list[str] = []

    def run(self, module: Module, state_dict: Any, prefix: str) -> None:
        """Load into ``module`` and all below it."""
        metadata = {**self.metadata.get(prefix[:-1], {}), **({"assign_to_params_buffers": True} if self.assign else {})}
        module._load_from_state_dict(
            state_dict, prefix, metadata, True, self.missing, self.unexpected, self.errors
        )  # fmt: skip
        for name, child in module._modules.items():
            if child is not None:
                below = f"{prefix}{name}."
                self.run(child, {k: v for k, v in state_dict.items() if k.startswith(below)}, below)
        for hook in module._load_state_dict_post_hooks.values():
            if hook(module, _IncompatibleKeys(self.missing, self.unexpected)) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected to return new "
                    "values, if incompatible_keys need to be modified, it should be done inplace."
                )


def load_own(
    module: Module, state_dict: Any, prefix: str, metadata: dict[str, Any], strict: bool,
    missing: list[str], unexpected: list[str], errors: list[str],
) -> None:  # fmt: skip
    """Copy what ``state_dict`` holds for ``module`` alone."""
    for hook in module._load_state_dict_pre_hooks.values():
        hook(module, state_dict, prefix, metadata, strict, missing, unexpected, errors)
    own = own_tensors(module)
    for name, tensor in own.items():
        if prefix + name in state_dict:
            _place(module, name, tensor, state_dict[prefix + name], prefix + name, metadata, errors)
        elif strict:
            missing.append(prefix + name)
    _load_extra(module, state_dict, prefix + EXTRA_STATE, strict, missing, unexpected)
    if strict:
        unexpected += [key for key in state_dict if _is_stray(module, own, prefix, key)]


def _place(
    module: Module, name: str, tensor: Any, given: Any, key: str, metadata: dict[str, Any], errors: list[str]
) -> None:
    if not isinstance(given, Tensor):
        errors.append(
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like object from checkpoint '
            f"but received {type(given)}"
        )
        return
    if not tensor.shape and given.shape == (1,):
        given = given[0]  # files of before 0.4 have no 0-d tensors
    if given.shape != tensor.shape:
        errors.append(
            f"size mismatch for {key}: copying a param with shape {given.shape} from checkpoint, the shape in current "
            f"model is {tensor.shape}."
        )
        return
    with no_grad():
        if metadata.get("assign_to_params_buffers"):
            setattr(module, name, _as_assigned(tensor, given))
        else:
            tensor.copy_(given)


def _as_assigned(tensor: Any, given: Any) -> Any:
    if not isinstance(tensor, Parameter):
        return given
    if isinstance(given, Parameter):
        return given.requires_grad_(tensor.requires_grad)
    return Parameter(given, requires_grad=tensor.requires_grad)


def _load_extra(
    module: Module, state_dict: Any, key: str, strict: bool, missing: list[str], unexpected: list[str]
) -> None:
    if _is_overridden(module, "set_extra_state"):
        if key in state_dict:
            module.set_extra_state(state_dict[key])
        elif strict:
            missing.append(key)
    elif strict and key in state_dict:
        unexpected.append(key)


def _is_stray(module: Module, own: dict[str, Any], prefix: str, key: str) -> bool:
    """Whether neither ``module`` nor a child of it has use for ``key``."""
    if not key.startswith(prefix) or key == prefix + EXTRA_STATE:
        return False
    name, dot, _ = key[len(prefix) :].partition(".")
    return name not in (module._modules if dot else own)
