"""The tasks on which the stages of training are compared: chats, and instructions as documents.

Taught in :doc:`/book/training/pipeline`. Left out: the training of the stages; the experiment
``pipeline`` has it.
"""

from typing import TYPE_CHECKING

from companion.pocket.tasks import Task, chat_tasks, written_instructions

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TASKS = (
    "instructions, exact output",
    "questions, right in any manner",
    "recalls what an earlier turn said",
    "tool call, exactly right",
    "word problems",
)
AS_DOCUMENT = "instructions, as documents"


def compared_tasks(tokenizer: "PreTrainedTokenizerBase", items: int) -> list[Task]:
    """Return the tasks of the table: chats, and instructions as pre-training wrote them."""
    chats = {task.name: task for task in chat_tasks(tokenizer, items)}
    written = written_instructions(items)
    return [
        *(chats[name] for name in TASKS),
        Task(AS_DOCUMENT, written.items, written.right, written.max_new_tokens),
    ]
