"""js-pytorch's adapter, and what docs/findings.md says of the library."""

import re
import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from refgrad.errors import BackendUnavailable, Unsupported
from refgrad.harness import registry
from refgrad.harness.adapters import calculus
from refgrad.harness.backend import capabilities
from refgrad.harness.wire.check import check_protocol

HOME = Path(__file__).parent / "refgrad_js_pytorch"
FINDINGS = (Path(__file__).parents[2] / "docs" / "findings.md").read_text(encoding="utf-8")
SECTION = FINDINGS.partition("\n## js-pytorch 0.7.2\n")[2].partition("\n## ")[0]
SCRIPTS = re.findall(r"```js\n(.*?)```\n+```text\n(.*?)```", SECTION, re.DOTALL)

node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
installed = pytest.mark.skipif(
    shutil.which("node") is None or not (HOME / "node_modules" / "js-pytorch").is_dir(),
    reason="needs Node, and `npm install --ignore-scripts` in refgrad_js_pytorch",
)


@pytest.fixture(scope="module")
def backend():
    """js-pytorch in its process."""
    with closing(registry.load("refgrad_js_pytorch:JsPytorch")) as found:
        yield found


@installed
def test_profiles(backend):
    """js-pytorch is a tape without modes, hooks or derivatives of derivatives."""
    assert capabilities(backend) == {"core", "tape", "requires_grad", "zero_grad"}


@installed
def test_gradient(backend):
    """Each input gets its own gradient, weighted with the cotangent; the sum of all elements is a number."""
    x, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])
    value, grads = calculus(backend).vjp(lambda xp, x, y: (x * y).sum(), (x, y))
    assert (value.shape, value.item()) == ((), 70.0)
    np.testing.assert_array_equal(grads, [y, x])


@installed
@pytest.mark.parametrize("array", [np.ones((0, 2)), np.ones(2, np.float32)])
def test_values_that_it_lacks(backend, array):
    """Tensors without elements, and other numbers than float64, are unsupported."""
    with pytest.raises(Unsupported):
        backend.asarray(array)


@installed
def test_protocol():
    """The server keeps every rule of the protocol."""
    assert [rule for rule in check_protocol(f"node {HOME / 'server.mjs'}") if rule.wrong] == []


@node
def test_without_the_library(tmp_path):
    """Where js-pytorch is not installed, the error says what to do."""
    shutil.copy(HOME / "server.mjs", tmp_path)
    with pytest.raises(BackendUnavailable, match="npm install --ignore-scripts"):
        registry.load(f"exec:node {tmp_path / 'server.mjs'}")


def test_each_finding_says_what_it_prints():
    """Each script of the findings is followed by its output."""
    assert len(SCRIPTS) == SECTION.count("```js\n") > 0


@installed
@pytest.mark.parametrize(("script", "printed"), SCRIPTS)
def test_findings(script, printed):
    """A script runs on its own, and prints what is told."""
    assert len(script.splitlines()) <= 15
    command = ["node", "--input-type=module", "--eval", script]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=True)
    assert done.stdout == printed
