"""``refgrad new``: what it writes installs and is green, and nothing is written by halves."""

import argparse
import os
import subprocess
import sys
import tomllib

import pytest

from refgrad.commands import new
from refgrad.errors import RefgradError
from refgrad.harness import registry

FILES = {"README.md", "pyproject.toml", "test_refgrad_{}.py", "refgrad_{}/__init__.py", "refgrad_{}/expectations.toml"}
STAND_INS = {"namespace": set(), "functional": {"toy"}, "tape": {"toy"}, "wire": {"server", "toy"}}


def written(folder, style, name="mylib"):
    new.new(argparse.Namespace(name=name, style=style, out=folder), [])
    return folder / f"refgrad-{name}"


def installed(plugin):
    """The plugin's folder with what its installation would add: the metadata with its entry point."""
    project = tomllib.loads((plugin / "pyproject.toml").read_text())
    points = project["project"]["entry-points"]["refgrad.backends"]
    metadata = plugin / f"{project['project']['name'].replace('-', '_')}-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['project']['name']}\nVersion: 0.1.0\n")
    lines = [f"{name} = {value}" for name, value in points.items()]
    (metadata / "entry_points.txt").write_text("\n".join(["[refgrad.backends]", *lines, ""]))
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(plugin), os.environ.get("PYTHONPATH", "")])}


# a tape is run, and really installed, by tests/test_guide.py
@pytest.mark.parametrize("style", ["namespace", "functional", "wire"])
def test_green(style, tmp_path):
    """What is written is found by its name, and is green, each of its gaps declared."""
    environment = installed(written(tmp_path, style))
    command = [sys.executable, "-m", "refgrad", "check", "mylib", "test_smoke.py", "test_kink.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "backend under test: mylib" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("style", new.STYLES)
def test_green_on_the_whole_suite(style, tmp_path):
    """The declared gaps are all there are."""
    environment = installed(written(tmp_path, style))
    command = [sys.executable, "-m", "refgrad", "check", "mylib"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("style", new.STYLES)
def test_files(style, tmp_path):
    """The files are those of the style, called by the backend's name."""
    plugin = written(tmp_path, style, "other_lib")
    found = {path.relative_to(plugin).as_posix() for path in plugin.rglob("*.*")}
    expected = {each.format("other_lib") for each in FILES}
    assert found == expected | {f"refgrad_other_lib/{each}.py" for each in STAND_INS[style]}
    assert not any("mylib" in path.read_text().lower() for path in plugin.rglob("*.*"))
    assert "class OtherLib" in (plugin / "refgrad_other_lib" / "__init__.py").read_text()


def test_what_is_there_stays(tmp_path):
    """A folder that is there is not touched."""
    (tmp_path / "refgrad-mylib").mkdir()
    with pytest.raises(RefgradError, match="refgrad-mylib is there already: nothing was written"):
        written(tmp_path, "tape")
    assert list((tmp_path / "refgrad-mylib").iterdir()) == []


def test_all_or_nothing(tmp_path, monkeypatch):
    """Where writing fails, nothing is left behind."""

    def full(*args):
        yield "pyproject.toml", ""
        raise OSError("no space left on device")

    monkeypatch.setattr(new, "files", full)
    with pytest.raises(OSError, match="no space"):
        written(tmp_path, "tape")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("My-Lib 2", "small letters, digits and _, as my_lib"),
        ("../up", "small letters, digits and _, as up"),
        ("", "small letters, digits and _$"),
        ("class", "means something else in Python"),
        ("json", "means something else in Python"),
        ("refgrad", "there is a backend 'refgrad' already"),
        *((name, f"there is a backend '{name}' already") for name in registry.PLUGINS),
    ],
)
def test_names(name, says, tmp_path):
    """A name that cannot be a module, or is taken, is refused with a better one."""
    with pytest.raises(RefgradError, match=says):
        written(tmp_path, "tape", name)
    assert list(tmp_path.iterdir()) == []
