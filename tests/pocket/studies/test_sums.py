"""Sums are right, keep to their side of the split, and stand in a conversation."""

from companion.pocket.corpus.holdout import held_out
from companion.pocket.studies.sums import sums, with_solution


def test_sums_are_right_and_the_held_out_ones_are_in_no_training():
    seen, unseen = (sums(0, split, 200) for split in ("train", "eval"))

    for records, is_held_out in ((seen, False), (unseen, True)):
        for record in records:
            _, _, a, op, b = record["prompt"][0]["content"].removesuffix("?").split()
            a, b = int(a), int(b)
            assert int(record["answer"]) == (a + b if op == "+" else a - b) >= 0
            assert held_out(a, op, b) == is_held_out
    questions = [{r["prompt"][0]["content"] for r in records} for records in (seen, unseen)]
    assert not questions[0] & questions[1]
    assert {question.split()[3] for question in questions[0]} == {"+", "-"}


def test_a_solution_is_what_the_assistant_says():
    [record] = sums(0, "train", 1)

    messages = with_solution(record)["messages"]

    assert messages[0] == record["prompt"][0]
    assert messages[1] == {"role": "assistant", "content": record["answer"]}
