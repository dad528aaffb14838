"""What a module holds: parameters, buffers and child modules, each under a name, and all of them by path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from refgrad.engine.namespace import typename
from refgrad.engine.tensor import Tensor
from refgrad.nn.parameter import Buffer, Parameter

__all__ = ["Registry"]

T = TypeVar("T")
_TABLES = ("_parameters", "_buffers", "_modules")


class Registry:
    """The half of a Module that keeps what is assigned to it; there is no other subclass."""

    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]

    # putting in -------------------------------------------------------------------------------------------------------

    def register_parameter(self, name: str, param: Any) -> None:
        """Hold ``param`` (or, with None, a place for one) under ``name``.

        Errors: TypeError for what is no Parameter; KeyError for a name that cannot be; ValueError for a non-leaf.
        """
        self._check_name("parameter", name, "_parameters")
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{typename(param)}' object to parameter '{name}' (torch.nn.Parameter or None required)"
            )
        if param is not None and param.grad_fn is not None:
            raise ValueError(
                f"Cannot assign non-leaf Tensor to parameter '{name}'. Model parameters must be created explicitly. To "
                f"express '{name}' as a function of another Tensor, compute the value in the forward() method."
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Hold ``tensor``, which is state but no parameter, under ``name``; ``persistent`` ones are in ``state_dict``.

        Errors: TypeError for what is no tensor; KeyError for a name that cannot be.
        """
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"cannot assign '{typename(tensor)}' object to buffer '{name}' (torch Tensor or None required)"
            )
        self._buffers[name] = tensor
        (self._non_persistent_buffers_set.discard if persistent else self._non_persistent_buffers_set.add)(name)

    def add_module(self, name: str, module: Any) -> None:
        """Hold ``module`` as the child ``name``.

        Errors: TypeError for what is no Module; KeyError for a name that cannot be.
        """
        if module is not None and not isinstance(module, Registry):
            raise TypeError(f"{typename(module)} is not a Module subclass")
        self._check_name("module", name, "_modules")
        self._modules[name] = module

    register_module = add_module

    def _check_name(self, kind: str, name: Any, table: str) -> None:
        if table not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string. Got {typename(name)}")
        if hasattr(self, name) and name not in self.__dict__[table]:
            raise KeyError(f"attribute '{name}' already exists")
        if "." in name:
            raise KeyError(f'{kind} name can\'t contain "."' + (f", got: {name}" if kind == "module" else ""))
        if name == "":
            raise KeyError(f'{kind} name can\'t be empty string ""')

    # as attributes ----------------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        for table in _TABLES:
            held = self.__dict__.get(table)
            if held is not None and name in held:
                return held[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'", name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        table = self._table_for(name, value)
        if table is None:
            object.__setattr__(self, name, value)
            return
        if isinstance(value, (Parameter, Registry)) and name not in self.__dict__[table]:
            self._forget(name)
        if table == "_parameters":
            self.register_parameter(name, value)
        elif table == "_modules":
            self._modules[name] = value
        else:
            transient = name in self._non_persistent_buffers_set
            self.register_buffer(name, value, value.persistent if isinstance(value, Buffer) else not transient)

    def _table_for(self, name: str, value: Any) -> str | None:
        """Where an attribute of this name and kind is kept; None: where those of any object are.

        Errors: AttributeError before ``__init__``; TypeError for a value that cannot stand where another one does.
        """
        held = self.__dict__
        if isinstance(value, (Parameter, Registry)) and "_parameters" not in held:
            kind = "parameters" if isinstance(value, Parameter) else "module"
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if isinstance(value, Parameter):
            return "_parameters"
        if name in held.get("_parameters", ()):
            return _only("_parameters", name, value, None, "parameter", "torch.nn.Parameter")
        if isinstance(value, Registry):
            return "_modules"
        if name in held.get("_modules", ()):
            return _only("_modules", name, value, None, "child module", "torch.nn.Module")
        if isinstance(value, Buffer) or name in held.get("_buffers", ()):
            return _only("_buffers", name, value, Tensor, "buffer", "torch.nn.Buffer, torch.Tensor")
        return None

    def _forget(self, name: str) -> None:
        for table in (self.__dict__, self._parameters, self._buffers, self._modules):
            table.pop(name, None)
        self._non_persistent_buffers_set.discard(name)

    def __delattr__(self, name: str) -> None:
        if any(name in self.__dict__[table] for table in _TABLES):
            self._forget(name)
        else:
            object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        names = {*dir(type(self)), *self.__dict__, *self._parameters, *self._modules, *self._buffers}
        return sorted(name for name in names if not name[0].isdigit())

    # by path ----------------------------------------------------------------------------------------------------------

    def get_submodule(self, target: str) -> Any:
        """The module at the dotted path ``target``.

        Errors: AttributeError where there is none.
        """
        module: Any = self
        for name in target.split(".") if target else ():
            module = module._member(name, Registry, "an nn.Module")
        return module

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at the dotted path ``target``.

        Errors: AttributeError where there is none.
        """
        path, _, name = target.rpartition(".")
        parameter: Parameter = self.get_submodule(path)._member(name, Parameter, "an nn.Parameter")
        return parameter

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at the dotted path ``target``.

        Errors: AttributeError where there is none.
        """
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        tensor: Tensor = module._member(name, object, "a buffer")
        if name not in module._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return tensor

    def _member(self, name: str, kind: type[T], title: str) -> T:
        if not hasattr(self, name):
            raise AttributeError(f"{self._get_name()} has no attribute `{name}`")
        member = getattr(self, name)
        if not isinstance(member, kind):
            raise AttributeError(f"`{name}` is not {title}")
        return member

    # everything below -------------------------------------------------------------------------------------------------

    def named_modules(
        self, memo: set[Registry] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """This module and all below it, each with its path."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                yield from module.named_modules(memo, _join(prefix, name), remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Any]:
        """This module and all below it."""
        return (module for _, module in self.named_modules(remove_duplicate=remove_duplicate))

    def named_children(self) -> Iterator[tuple[str, Any]]:
        """The modules held directly, each with its name and once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Any]:
        """The modules held directly."""
        return (module for _, module in self.named_children())

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """The parameters, each with its path; a shared one once."""
        return self._named_members("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """The parameters."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """The buffers, each with its path; a shared one once."""
        return self._named_members("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """The buffers."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def _named_members(self, table: str, prefix: str, recurse: bool, once: bool) -> Iterator[tuple[str, Any]]:
        seen: set[Any] = set()
        for path, module in self.named_modules(prefix=prefix, remove_duplicate=once) if recurse else [(prefix, self)]:
            for name, member in getattr(module, table).items():
                if member is None or member in seen:
                    continue
                if once:
                    seen.add(member)
                yield _join(path, name), member


def _only(table: str, name: str, value: Any, kind: type | None, place: str, expected: str) -> str:
    """``table``, if ``value`` may stand there: None always may."""
    if value is not None and (kind is None or not isinstance(value, kind)):
        raise TypeError(f"cannot assign '{typename(value)}' as {place} '{name}' ({expected} or None expected)")
    return table


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name
