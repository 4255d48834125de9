"""Prompting: build prompts, read answers out of text, measure how often they are right.

==============  =====================================================================
`templates`     zero-shot, few-shot and chain-of-thought prompts; templates with variables
`answers`       extract an answer from generated text; majority vote
`evaluation`    accuracy with a confidence interval; self-consistency
`judging`       a model says which of two answers is better, in both orders
==============  =====================================================================
"""

from typing import TYPE_CHECKING

from companion._faces import lazy

if TYPE_CHECKING:
    from companion.prompts.answers import (
        Vote,
        extract_after,
        extract_choice,
        extract_number,
        majority_vote,
    )
    from companion.prompts.templates import (
        chain_of_thought,
        few_shot,
        fill,
        step_by_step,
        zero_shot,
    )

__all__ = [
    "Vote",
    "chain_of_thought",
    "extract_after",
    "extract_choice",
    "extract_number",
    "few_shot",
    "fill",
    "majority_vote",
    "step_by_step",
    "zero_shot",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "answers": "Vote extract_after extract_choice extract_number majority_vote",
        "templates": "chain_of_thought few_shot fill step_by_step zero_shot",
    },
)
