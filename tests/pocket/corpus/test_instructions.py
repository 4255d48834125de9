"""Instructions have the output that they ask for."""

import ast
import random
import re

import pytest

from companion.pocket.corpus import instructions


def drawn(task: str, count: int = 60) -> list[tuple[str, str, str]]:
    rng = random.Random(0)
    return [instructions.record(rng, "train", task=task) for _ in range(count)]


@pytest.mark.parametrize("task", instructions.TASKS)
def test_each_task_has_one_instruction_and_an_output(task: str):
    records = drawn(task)

    assert len({instruction for instruction, _, _ in records}) == 1
    assert all(output.strip() == output != "" for _, _, output in records)
    assert len({given for _, given, _ in records}) > 5


@pytest.mark.parametrize(
    ("task", "right"),
    [
        ("upper", lambda given, output: output == given.upper()),
        ("count", lambda given, output: output == str(len(given.split()))),
        ("list", lambda given, output: output == "- " + given.replace(", ", "\n- ")),
        ("name", lambda given, output: re.search(f"(name is|called|by) {output}\\b", given)),
        ("summarize", lambda given, output: given.startswith(output)),
        ("sentiment", lambda given, output: output in ("positive", "negative")),
        ("solve", lambda given, output: "The answer is" in output),
        ("polite", lambda given, output: given[:-1].lower() in output.lower()),
        ("past", lambda given, output: given.split()[0] == output.split()[0] and given != output),
    ],
)
def test_an_output_is_right(task: str, right):
    assert all(right(given, output) for _, given, output in drawn(task))


def test_a_bug_is_a_bug_and_its_repair_is_python_that_returns():
    for _, wrong, right in drawn("fix"):
        name, op = right.split()[1].partition("(")[0], right.split()[-2]

        assert wrong != right
        assert isinstance(ast.parse(right).body[0].body[0], ast.Return)
        assert (name, op) in instructions._FUNCTIONS


def test_a_prompt_ends_where_the_output_starts():
    assert instructions.prompt("Do it.", "x") == (
        "### Instruction:\nDo it.\n### Input:\nx\n### Response:\n"
    )
    assert "Input" not in instructions.prompt("Do it.", "")
    prompt, output = instructions.item(random.Random(1), "eval", task="upper")
    assert instructions.document(random.Random(1), "eval").startswith("### Instruction:\n")
    assert prompt.endswith("### Response:\n")
    assert output.isupper()
