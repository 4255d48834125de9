"""Judging calls."""

import pytest

from companion.tools import ToolCall
from companion.tools.evaluation import CallEvaluation, Judgement, evaluate_calls, judge

SUM = ToolCall("calculator", {"expression": "2 + 3"})


@pytest.mark.parametrize(
    ("text", "wanted", "expected"),
    [
        (SUM.text(), SUM, (True, True, True)),
        (ToolCall("calculator", {"expression": "2 * 3"}).text(), SUM, (True, True, False)),
        (ToolCall("get_weather", {"city": "Rome"}).text(), SUM, (True, False, False)),
        (ToolCall("launch", {}).text(), SUM, (False, False, False)),
        (ToolCall("calculator", {"expression": 5}).text(), SUM, (False, True, False)),
        ('{"name": "calculator", "argu', SUM, (False, False, False)),
        ("Five.", SUM, (True, False, False)),
        ("Five.", None, (True, True, True)),
        (SUM.text(), None, (True, False, False)),
        (f"{SUM.text()}\n{SUM.text()}", SUM, (True, False, False)),
    ],
)
def test_each_question_has_its_own_answer(toolbox, text, wanted, expected) -> None:
    assert judge(text, wanted, toolbox) == Judgement(*expected)


def test_accuracies_count_the_judgements(toolbox) -> None:
    texts = [SUM.text(), "Five.", '{"name": ', "Paris."]

    found = evaluate_calls(texts, [SUM, SUM, SUM, None], [toolbox] * 4)

    assert isinstance(found, CallEvaluation)
    counts = [(a.right, a.total) for a in (found.valid, found.tool, found.arguments)]
    assert counts == [(3, 4), (2, 4), (2, 4)]


def test_there_must_be_as_many_of_everything(toolbox) -> None:
    for texts, wanted in (([], []), (["a"], []), (["a"], [None, None])):
        with pytest.raises(ValueError, match="as many calls and toolboxes"):
            evaluate_calls(texts, wanted, [toolbox])
