"""What a submission imports as `companion.exercises`."""

import inspect
import sys
import types

import pytest

from companion.exercises import learner
from companion.exercises.grading import stand_in


def test_the_stand_in_has_the_signatures_of_the_real_functions():
    before = {name: sys.modules.get(name) for name in ("companion", "companion.exercises")}
    given = {}
    try:
        stand_in.install(given)
        fake = sys.modules["companion.exercises"]
    finally:
        sys.modules.update(before)

    assert isinstance(fake, types.ModuleType)
    for name in ("check", "hint", "solution", "progress", "report", "show"):
        real, mine = (inspect.signature(getattr(one, name)) for one in (learner, fake))
        shape = [(one.name, one.kind, one.default) for one in real.parameters.values()]
        assert [(one.name, one.kind, one.default) for one in mine.parameters.values()] == shape
    with pytest.raises(TypeError):
        fake.check("causal-mask", 1, 2)
    fake.check("a")
    fake.check("b", answer=3)
    assert given == {"b": 3}
