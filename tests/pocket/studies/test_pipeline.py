"""The stages of training are compared on chats, and on instructions as documents."""

from companion.models import load
from companion.pocket.studies import pipeline


def test_the_table_has_chats_and_the_instructions_as_documents():
    tasks = pipeline.compared_tasks(load("chat").tokenizer, 10)

    assert [task.name for task in tasks] == [*pipeline.TASKS, pipeline.AS_DOCUMENT]
    assert all("<|user|>" in prompt for task in tasks[:-1] for prompt, _ in task.items)
    assert not any("<|user|>" in prompt for prompt, _ in tasks[-1].items)
