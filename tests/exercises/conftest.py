"""Devices for tests that try to replace one."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

MEMORY_DEVICES = {"null": 3, "zero": 5, "full": 7}  # Linux's numbers, by what stands in /dev


@pytest.fixture
def make_device(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Root gets a device of its own, so that code that breaks costs the machine nothing.

    An ordinary user can't make one, and gets that of the machine, which such a user can't harm.
    """

    def make(name: str = "null") -> Path:
        if os.geteuid() != 0:
            return Path("/dev") / name
        path = tmp_path_factory.mktemp("devices") / name
        try:
            os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, MEMORY_DEVICES[name]))
        except PermissionError:
            pytest.skip("this root may make no devices")
        return path

    return make
