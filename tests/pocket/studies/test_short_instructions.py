"""Short instructions come in equal shares, and an answer that goes on is not right."""

from companion.generation.sequences import Generation
from companion.pocket.studies.short_instructions import TASKS, judged, short_records


def test_short_records_have_all_tasks_in_equal_shares():
    records = short_records(0, "train", 24)

    tasks = [record["task"] for record in records]
    assert len(records) == 24
    assert {tasks.count(task) for task in TASKS} == {4}


def answer(text, reason):
    return Generation(
        prompt="", text=text, token_ids=[1] * 4, logprobs=[0.0] * 4, finish_reason=reason
    )


def test_an_answer_that_goes_on_begins_right_but_is_not_exact():
    records = [{"output": "Rome."}] * 4
    answers = [
        answer("Rome.", "eos"),
        answer("Rome. Rome.", "length"),
        answer("Rome", "eos"),
        answer(" Rome.\n", "eos"),
    ]

    assert judged(records, answers) == {
        "exact": 0.5,
        "begins_right": 0.75,
        "stopped": 0.75,
        "tokens": 4.0,
    }
