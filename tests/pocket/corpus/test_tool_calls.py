"""Calls of tools are JSON with declared arguments."""

import json
import random

from companion.pocket.corpus import (
    tool_calls,
)


def test_tool_calls_are_valid_json_with_declared_arguments():
    rng = random.Random(0)
    for name in tool_calls.TOOLS:
        found = tool_calls.exchange(rng, "eval", tool=name)
        call = json.loads(tool_calls.call(found))

        assert set(call["arguments"]) == set(tool_calls.DECLARATIONS[call["name"]])
        assert f'"{name}"' in tool_calls.declare(rng, name)
