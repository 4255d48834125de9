"""Tools and models for the tests of function calling."""

import threading
from collections.abc import Callable, Iterator

import pytest

from companion.tools import Toolbox


@pytest.fixture
def said() -> Callable:
    """Build a model that says one turn after the other, and remembers what it was shown."""

    class Model:
        def __init__(self, *turns: object) -> None:
            self.turns, self.shown = list(turns), []

        def __call__(self, messages: object, toolbox: Toolbox) -> object:
            self.shown.append(list(messages))
            return self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]

    return Model


@pytest.fixture
def stuck() -> Iterator[Callable]:
    """A tool that does not come back before the test is over."""
    released = threading.Event()

    def wait_for(who: str) -> str:
        """Wait for somebody.

        Args:
            who: Whom to wait for.
        """
        released.wait(30)
        return who

    yield wait_for
    released.set()
