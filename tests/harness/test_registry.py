"""Finding backends: names, modules, files, options, and one line for everything that can go wrong."""

import sys
from importlib.metadata import EntryPoint
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import refgrad.engine.namespace  # noqa: F401, before a test swaps sys.modules: the engine is not loaded twice
from refgrad.errors import BackendUnavailable, InvalidBackend, UnknownBackend
from refgrad.harness import registry

ADAPTER = """
from typing import Literal

import numpy as np


class Plain:
    name, version, homepage = "plain", "0.1", "https://example.org"

    def __init__(self, *, device="cpu", fast=False, level=3):
        self.options = (device, fast, level)

    def asarray(self, array):
        return np.array(array)

    def to_numpy(self, value):
        return np.array(value)

    def ops(self):
        return {}

    def vjp(self, fn, primals, cotangent):
        return fn(*primals), primals


def chooses(*, mode: Literal["slow", "fast"] = "slow"):
    backend = Plain()
    backend.options = mode
    return backend


class Half:
    name = "half"


class NeedsLibrary(Plain):
    def __init__(self):
        import a_library_that_is_not_there


class Fails(Plain):
    def __init__(self):
        raise ValueError("kaboom\\nand more")


class NeedsOption(Plain):
    def __init__(self, *, url):
        self.url = url


def factory(**options):
    backend = Plain()
    backend.options = options
    return backend


made = Plain()
number = 3
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with an adapter in it, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "adapter_x.py").write_text(ADAPTER)
    yield tmp_path
    sys.modules.pop("adapter_x", None)


@pytest.fixture
def entries(monkeypatch):
    """Entry points that are installed for the length of a test: name to (value, distribution)."""
    given = {}

    def entry_points(group, name=None):
        assert group == registry.GROUP
        return [entry for entry in given.values() if name in (None, entry.name)]

    monkeypatch.setattr(registry, "entry_points", entry_points)

    def add(name, value, dist="plugin", requires=()):
        entry = EntryPoint(name, value, registry.GROUP)
        vars(entry)["dist"] = SimpleNamespace(name=dist, version="0.1", requires=list(requires))
        given[dist] = entry

    return add


@pytest.mark.parametrize(
    "spec", ["./adapter_x.py:Plain", "adapter_x:Plain", "adapter_x:made", "./adapter_x.py:factory"]
)
def test_ways_in(folder, spec):
    """A class, a factory or an instance is found in a module of the working directory or in a file."""
    assert registry.load(spec).name == "plain"


def test_entry_point(folder, entries):
    """An installed name is found by its entry point."""
    entries("plain", "adapter_x:Plain")
    sys.path.append(str(folder))
    assert registry.load("plain:level=7").options == ("cpu", False, 7)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("device=cuda:1", ("cuda:1", False, 3)),
        ("fast=true,level=5", ("cpu", True, 5)),
        ("fast=no", ("cpu", False, 3)),
        ("device=a=b", ("a=b", False, 3)),
    ],
)
@pytest.mark.parametrize("target", ["adapter_x:Plain", "./adapter_x.py:Plain"])
def test_options(folder, target, options, expected):
    """Options become keyword arguments of the type of their defaults; a value may hold colons and equals signs."""
    assert registry.load(f"{target}:{options}").options == expected


def test_choices(folder):
    """An option with a list of values takes one of them."""
    assert registry.load("adapter_x:chooses:mode=fast").options == "fast"
    with pytest.raises(InvalidBackend, match="mode='best' is none of slow, fast"):
        registry.load("adapter_x:chooses:mode=best")


def test_options_of_a_factory_that_takes_any(folder):
    """A factory with ** gets every option as text."""
    assert registry.load("adapter_x:factory:a=1,b=x").options == {"a": "1", "b": "x"}


WRONG = {
    "adapter_x:Plian": (UnknownBackend, "adapter_x:Plian: no attribute 'Plian'; did you mean 'Plain'?"),
    "./adapter_x.py": (UnknownBackend, "write ./adapter_x.py:Name"),
    "./nowhere.py:X": (UnknownBackend, "./nowhere.py: no such file"),
    "nowhere_x:X": (UnknownBackend, "no module 'nowhere_x' can be imported"),
    "refgard": (UnknownBackend, "did you mean 'refgrad'?"),
    "": (UnknownBackend, "no backend ''"),
    "adapter_x:Half": (InvalidBackend, "lacks version, homepage, asarray(), to_numpy(), ops(), vjp()"),
    "adapter_x:number": (InvalidBackend, "neither a class, nor a factory, nor a backend, but a int"),
    "adapter_x:made:level=1": (InvalidBackend, "takes no options"),
    "adapter_x:Plain:lvel=1": (InvalidBackend, "no option 'lvel'; it has device, fast, level"),
    "adapter_x:Plain:level=high": (InvalidBackend, "level='high' is no int"),
    "adapter_x:Plain:fast=maybe": (InvalidBackend, "fast='maybe' is no bool"),
    "adapter_x:NeedsOption": (InvalidBackend, "needs the option url"),
    "adapter_x:NeedsLibrary": (BackendUnavailable, "pip install a_library_that_is_not_there"),
    "adapter_x:Fails": (BackendUnavailable, "ValueError: kaboom (adapter_x.py, line "),
    "refgrad:cuda": (InvalidBackend, "options are written refgrad:key=value"),
}


@pytest.mark.parametrize(("spec", "error", "text"), [(spec, *rest) for spec, rest in WRONG.items()], ids=list(WRONG))
def test_one_line_for_each_mistake(folder, spec, error, text):
    """Each mistake is one line that names the spec's part and says what to do."""
    with pytest.raises(error) as raised:
        registry.load(spec)
    assert text in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("source", "text"),
    [("x = (", "SyntaxError"), ("raise SystemExit(3)", "SystemExit: 3"), ("1 / 0", "ZeroDivisionError")],
)
def test_a_file_that_cannot_run(folder, source, text):
    """A file that fails while it is imported is unavailable, with the place, and is not left half imported."""
    (folder / "bad.py").write_text(source)
    for _ in range(2):
        with pytest.raises(BackendUnavailable, match=text) as raised:
            registry.load("./bad.py:X")
        assert "(bad.py, line 1)" in str(raised.value)


def test_missing_library_is_installed_as_the_plugin_requires_it(entries):
    """The pip line for a missing library is the plugin's own requirement, quoted for a shell."""
    entries("broken", "nowhere_y.adapter:X", requires=["refgrad", "Nowhere.Y>=2,<3; python_version > '3'"])
    error = ModuleNotFoundError("No module named 'nowhere_y'", name="nowhere_y")
    entry = next(iter(registry.entry_points(group=registry.GROUP, name="broken")))
    found = registry._missing(error, "broken", "some_plugin", entry)
    assert str(found).endswith("mend it with: pip install 'Nowhere.Y>=2,<3'")


def test_plugin_that_is_gone(entries):
    """An entry point whose module is gone says how to install it again."""
    entries("gone", "nowhere_z:X", dist="refgrad-gone")
    with pytest.raises(BackendUnavailable, match="pip install --force-reinstall refgrad-gone"):
        registry.load("gone")


def test_two_distributions_of_one_name(entries):
    """A name that two distributions offer is refused, and both are named."""
    entries("twice", "one:X", dist="first")
    entries("twice", "two:X", dist="second")
    with pytest.raises(InvalidBackend, match=r"one:X \(first 0\.1\), two:X \(second 0\.1\)"):
        registry.load("twice")


def test_plugin_not_installed(entries):
    """A plugin of this project that is not installed is named with its pip line."""
    with pytest.raises(UnknownBackend, match="pip install refgrad-mygrad"):
        registry.load("mygrad")


def test_installed_never_raises(folder, entries):
    """A backend that cannot be loaded is listed with the reason, beside those that can."""
    sys.path.append(str(folder))
    entries("good", "adapter_x:Plain", dist="good-plugin")
    entries("sad", "adapter_x:Fails", dist="sad-plugin")
    found = {each.name: each for each in registry.installed()}
    assert set(found) == {"good", "sad", "refgrad"}
    assert found["good"].error is None
    assert found["good"].options == ("device=cpu", "fast=0|1", "level=3")
    assert (found["good"].version, found["good"].profiles, found["good"].origin) == ("0.1", {"core"}, "good-plugin 0.1")
    assert "kaboom" in (found["sad"].error or "")


VALUES = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters=":./=-"), min_size=1)
NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)


@given(
    st.sampled_from(["torch", "a.b:C", "./x.py:Y", "/abs/x.py:Y", "C:\\dir\\x.py:Y"]),
    st.dictionaries(NAMES, VALUES, min_size=1),
)
def test_spec_round_trip(target, options):
    """A spec written from a target and options is read back as both."""
    spec = f"{target}:{','.join(f'{key}={value}' for key, value in options.items())}"
    assert registry._split(spec) == (target, options)
