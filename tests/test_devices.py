"""What programs ask about devices before they use the CPU."""

import pytest

from tests.nn.twins import agree, refuse


def test_there_is_none():
    """No device but the CPU is found, as on a machine without one, and what is set up for one does nothing."""

    def scene(xp):
        cuda, accelerator = xp.cuda, xp.accelerator
        cuda.manual_seed(0), cuda.manual_seed_all(0), cuda.empty_cache()
        return (
            cuda.is_available(), cuda.device_count(), cuda.is_initialized(), cuda.memory_allocated(),
            cuda.max_memory_allocated(), accelerator.is_available(), accelerator.device_count(),
            accelerator.current_accelerator(), xp.device("cuda" if cuda.is_available() else "cpu").type,
        )  # fmt: skip

    agree(scene)


def test_default_device():
    """The CPU is the device by default, and may be said to be."""

    def scene(xp):
        before = xp.get_default_device()
        xp.set_default_device("cpu")
        found = xp.ones(1).device, xp.get_default_device()
        xp.set_default_device(None)
        return before, found, xp.get_default_device()

    agree(scene)


@pytest.mark.parametrize(
    "scene",
    [
        lambda xp: xp.cuda.current_device(),
        lambda xp: xp.accelerator.current_device_index(),
        lambda xp: xp.accelerator.synchronize(),
        lambda xp: xp.accelerator.empty_cache(),
    ],
)
def test_refused(scene):
    """What needs a device is refused in PyTorch's words."""
    refuse(scene)
