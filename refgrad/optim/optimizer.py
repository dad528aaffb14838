"""Optimizer: groups of parameters with their options and state, as ``torch.optim.Optimizer``."""

from __future__ import annotations

import functools
import warnings
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from refgrad.engine.creation import tensor
from refgrad.engine.dtypes import float32, float64, get_default_dtype
from refgrad.engine.grad_mode import enable_grad, set_grad_enabled
from refgrad.engine.graph import RemovableHandle
from refgrad.engine.namespace import typename
from refgrad.engine.tensor import Tensor
from refgrad.nn.modules.hooks import add
from refgrad.nn.modules.module import clear_grad

__all__ = ["ElementwiseOptimizer", "Optimizer", "required"]

Hook = Callable[..., Any]


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()  # the default of an option that has none


class Optimizer:
    """The base of all optimizers.

    Errors: TypeError for a lone tensor and for what is no tensor; ValueError for no parameters, and for a non-leaf.
    """

    defaults: dict[str, Any]
    state: defaultdict[Any, Any]
    param_groups: list[dict[str, Any]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in vars(cls):
            cls.step = _with_hooks(cls.step)  # type: ignore[method-assign]

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.defaults = defaults
        self._make_hooks()
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got "
                + typename(params)
            )
        self.state, self.param_groups = defaultdict(dict), []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def _make_hooks(self) -> None:
        for name in _HOOKS:
            setattr(self, name, OrderedDict())

    # groups -----------------------------------------------------------------------------------------------------------

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Take on more parameters, with the options that ``param_group`` gives; the others are the defaults.

        Errors: TypeError for what is no dictionary or holds no tensors; ValueError for non-leaves, missing options and
        parameters that are in another group.
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        _name_params(param_group)
        for param in param_group["params"]:
            self._check_param(param)
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        if len(param_group["params"]) != len(set(param_group["params"])):
            warnings.warn(_DUPLICATE, stacklevel=3)
        for group in self.param_groups:
            _check_other(param_group, group)
        self.param_groups.append(param_group)

    def _check_param(self, param: Any) -> None:
        if not isinstance(param, Tensor):
            raise TypeError(f"optimizer can only optimize Tensors, but one of the params is {typename(param)}")
        if not self.defaults.get("differentiable") and not (param.is_leaf or param.retains_grad):
            raise ValueError("can't optimize a non-leaf Tensor")

    # steps ------------------------------------------------------------------------------------------------------------

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move the parameters by their gradients; a subclass says how."""
        raise NotImplementedError

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients; with ``set_to_none=False`` set them to zero, in place."""
        for group in self.param_groups:
            for param in group["params"]:
                clear_grad(param, set_to_none)

    # state ------------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """State and options, parameters named by their position; the tensors are the optimizer's own."""
        for hook in self._optimizer_state_dict_pre_hooks.values():  # type: ignore[attr-defined]
            hook(self)
        number: dict[Any, int] = {}
        packed_groups, start = [], 0
        for group in self.param_groups:
            for i, param in enumerate(group["params"], start):
                number.setdefault(param, i)
            start += len(group["params"])
            options = {name: value for name, value in group.items() if name != "params"}
            packed_groups.append({**options, "params": [number[param] for param in group["params"]]})
        packed_state = {number[key] if isinstance(key, Tensor) else key: value for key, value in self.state.items()}
        return self._replaced(
            "_optimizer_state_dict_post_hooks", {"state": packed_state, "param_groups": packed_groups}
        )

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take on state and options that ``state_dict`` gave.

        Errors: ValueError where the groups do not match.
        """
        state_dict = self._replaced("_optimizer_load_state_dict_pre_hooks", state_dict.copy())
        saved = deepcopy(state_dict["param_groups"])
        if len(saved) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(a["params"]) != len(b["params"]) for a, b in zip(saved, self.param_groups)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        params = {k: p for a, b in zip(saved, self.param_groups) for k, p in zip(a["params"], b["params"])}
        state: defaultdict[Any, Any] = defaultdict(dict)
        for key, value in state_dict["state"].items():
            param = params.get(key)
            state[key if param is None else param] = value if param is None else _fitted(param, value)
        for group, held in zip(saved, self.param_groups):
            group["params"] = held["params"]
            if "param_names" in held:
                group.setdefault("param_names", held["param_names"])
        self.__setstate__({"state": state, "param_groups": saved})
        for hook in self._optimizer_load_state_dict_post_hooks.values():  # type: ignore[attr-defined]
            hook(self)

    def _replaced(self, table: str, state_dict: dict[str, Any]) -> dict[str, Any]:
        """``state_dict`` after the hooks in ``table``, each of which may give another."""
        for hook in getattr(self, table).values():
            given = hook(self, state_dict)
            state_dict = state_dict if given is None else given
        return state_dict

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self.state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if _HOOKS[0] not in self.__dict__:
            self._make_hooks()

    # hooks ------------------------------------------------------------------------------------------------------------

    def _register(self, table: str, hook: Hook, prepend: bool = False) -> RemovableHandle:
        return add(getattr(self, table), hook, prepend=prepend)

    def register_step_pre_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; it may return other arguments."""
        return self._register("_optimizer_step_pre_hooks", hook)

    def register_step_post_hook(self, hook: Hook) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return self._register("_optimizer_step_post_hooks", hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before ``state_dict``."""
        return self._register("_optimizer_state_dict_pre_hooks", hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` after ``state_dict``; it may return another."""
        return self._register("_optimizer_state_dict_post_hooks", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before ``load_state_dict``; it may return another."""
        return self._register("_optimizer_load_state_dict_pre_hooks", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after ``load_state_dict``."""
        return self._register("_optimizer_load_state_dict_post_hooks", hook, prepend)

    def __repr__(self) -> str:
        text = f"{type(self).__name__} ("
        for i, group in enumerate(self.param_groups):
            options = "".join(f"    {name}: {group[name]}\n" for name in sorted(group) if name != "params")
            text += f"\nParameter Group {i}\n{options}"
        return text + ")"


_HOOKS = (
    "_optimizer_step_pre_hooks", "_optimizer_step_post_hooks", "_optimizer_state_dict_pre_hooks",
    "_optimizer_state_dict_post_hooks", "_optimizer_load_state_dict_pre_hooks", "_optimizer_load_state_dict_post_hooks",
)  # fmt: skip
_DUPLICATE = (
    "optimizer contains a parameter group with duplicate parameters; in future, this will cause an error; see "
    "github.com/pytorch/pytorch/issues/40967 for more information"
)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """``step`` between its hooks; it notes that it ran, which learning-rate schedules ask."""

    @functools.wraps(step)
    def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
        if "_opt_called" in self.__dict__:
            self._opt_called = True
        given: tuple[Any, ...] = (self, *args)
        for hook in self._optimizer_step_pre_hooks.values():
            replaced = hook(self, given, kwargs)
            if replaced is not None:
                given, kwargs = _arguments(step, replaced)
        result = step(*given, **kwargs)
        for hook in self._optimizer_step_post_hooks.values():
            hook(self, given, kwargs)
        return result

    wrapper.counts_steps = True  # type: ignore[attr-defined]
    return wrapper


def _arguments(step: Any, given: Any) -> Any:
    if not (isinstance(given, tuple) and len(given) == 2):
        raise RuntimeError(f"{step} must return None or a tuple of (new_args, new_kwargs), but got {given}.")
    return given


def _name_params(group: dict[str, Any]) -> None:
    """Make a list of the group's ``params``; names that came with them go into ``param_names``."""
    params = group["params"]
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
            "will change between runs. Please use a list instead."
        )
    params = [params] if isinstance(params, Tensor) else list(params)
    names = [param[0] for param in params if isinstance(param, tuple)]
    group["params"] = [param[1] if isinstance(param, tuple) else param for param in params]
    if names and len(names) != len(params):
        raise ValueError("all optimizer params should be with/without names. Some param names are missing")
    if names:
        group["param_names"] = names


def _check_other(group: dict[str, Any], other: dict[str, Any]) -> None:
    if ("param_names" in group) != ("param_names" in other):
        kind = "with names" if "param_names" in group else "without names"
        raise ValueError(
            f"all optimizer param groups should be with/without names. cannot add param group {kind} to the optimizer"
        )
    if not set(other["params"]).isdisjoint(group["params"]):
        raise ValueError("some parameters appear in more than one parameter group")


def _fitted(param: Any, value: Any, key: Any = None) -> Any:
    """Loaded state in the type of its parameter; a step count stays what it is."""
    if isinstance(value, Tensor):
        return value.to(param.dtype) if param.is_floating_point() and key != "step" else value
    if isinstance(value, dict):
        return {name: _fitted(param, item, name) for name, item in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, str):
        return type(value)(_fitted(param, item) for item in value)  # type: ignore[call-arg]
    return value


class ElementwiseOptimizer(Optimizer):
    """An optimizer whose step treats each parameter by itself: ``update`` says how."""

    def update(self, param: Any, grad: Any, group: dict[str, Any]) -> None:
        """Move ``param`` by ``grad``."""
        raise NotImplementedError

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Move the parameters that have a gradient; gives what ``closure`` gave, which is called first."""
        loss = None
        with set_grad_enabled(self.defaults["differentiable"]):
            if closure is not None:
                with enable_grad():
                    loss = closure()
            for group in self.param_groups:
                for param in group["params"]:
                    if param.grad is not None:
                        self.update(param, -param.grad if group["maximize"] else param.grad, group)
        return loss


def check_options(**options: tuple[str, Any]) -> None:
    """Refuse negative options, each given with the words PyTorch has for it.

    Errors: ValueError.
    """
    for title, value in options.values():
        if not value >= 0.0:
            raise ValueError(f"Invalid {title}: {value}")


def check_rate(lr: Any) -> None:
    """Refuse a learning rate that is negative or no single number.

    Errors: ValueError.
    """
    if isinstance(lr, Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if not lr >= 0.0:
        raise ValueError(f"Invalid learning rate: {lr}")


def check_betas(betas: Any) -> None:
    """Refuse a rate of decay outside [0, 1).

    Errors: ValueError.
    """
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")


def check_kernels(*, fused: Any, foreach: Any, differentiable: bool) -> None:
    """Refuse combinations of PyTorch's kernels that it does not have; here they are all the same.

    Errors: RuntimeError.
    """
    if fused and differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def as_number(value: Any) -> Any:
    """A one-element tensor as the number in it, unless it wants a gradient."""
    if not isinstance(value, Tensor):
        return value
    return value.reshape(()) if value.requires_grad else value.item()


def decayed(param: Any, grad: Any, group: dict[str, Any]) -> Any:
    """The gradient with that of the weight decay; where the decay is decoupled, the parameter shrinks instead."""
    weight_decay = group["weight_decay"]
    if weight_decay == 0:
        return grad
    if group.get("decoupled_weight_decay"):
        param.mul_(1 - as_number(group["lr"]) * weight_decay)
        return grad
    return grad.add(param, alpha=weight_decay)


def first_step() -> Any:
    """A count of steps, as PyTorch keeps it: a float tensor."""
    return tensor(0.0, dtype=float64 if get_default_dtype() is float64 else float32)
