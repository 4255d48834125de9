"""The pipeline: retrieve passages, let a model answer from them, and say which ones it used.

When nothing in the documents is close enough, the model is not asked at all. When it is asked and
finds no answer in the passages, the result says so, too.

Retrieved text is data from outside. Special tokens are removed from it and each passage is put on
one line, so that it can't end its turn or pose as another passage. This does not stop a passage
from *asking* the model for something: see :doc:`/book/prompting/injection`.

Left out: conversations, rewriting of questions, streaming.
"""

from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from companion.generation.batching import context_length, encode_prompts
from companion.generation.decoding import SamplingParams, generate
from companion.messages import neutralize, prompt_text
from companion.prompts import fill
from companion.rag.answers import (
    NOT_FOUND,
    NOT_THERE,
    PROMPT,
    RagAnswer,
    numbered,
    one_line,
    parse_answer,
)
from companion.rag.documents import Hit, passage
from companion.rag.retriever import Retriever

__all__ = ["NOT_FOUND", "NOT_THERE", "PROMPT", "RagAnswer", "RagPipeline"]


class RagPipeline:
    """Answers questions from documents. Taught in :doc:`/book/applications/rag`.

    Args:
        retriever: Any object with ``search(query, k)``.
        model: A chat model.
        tokenizer: Its tokenizer, with a chat template.
        k: Passages to retrieve. Those that do not fit into the model's context are left out, the
            last ones first.
        threshold: Least score of a passage; what is below is not shown. It depends on the
            retriever: a cosine for `DenseRetriever`. None shows everything.
        params: How to decode; greedily, up to 48 tokens, if None.
        template: The user's message, with ``{context}`` and ``{question}``.
        refusals: Answers that mean "not in the documents", with or without the period.

    Raises:
        ValueError: If ``k`` is below 1, or ``params`` asks for several texts.
        PromptError: If the template lacks a field.
    """

    def __init__(
        self,
        retriever: Retriever,
        model: Any,
        tokenizer: Any,
        *,
        k: int = 4,
        threshold: float | None = None,
        params: SamplingParams | None = None,
        template: str = PROMPT,
        refusals: Sequence[str] = (NOT_THERE, NOT_FOUND),
    ) -> None:
        """Check the settings."""
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        self.params = params or SamplingParams(temperature=0, max_new_tokens=48)
        if self.params.n != 1:
            raise ValueError(f"params must ask for one text per prompt, got n={self.params.n}")
        fill(template, context="", question="")
        self.retriever = retriever
        self.model = model
        self.tokenizer = tokenizer
        self.k = k
        self.threshold = threshold
        self.template = template
        self.refusals = tuple(refusals)

    def answer(self, question: str) -> RagAnswer:
        """Answer one question.

        Raises:
            ValueError: If the question is blank.
            ContextLengthError: If not even the first passage fits into the model's context.
        """
        return self.answer_all([question])[0]

    def answer_all(self, questions: Sequence[str], *, batch_size: int = 16) -> list[RagAnswer]:
        """Answer several questions, ``batch_size`` of them at a time.

        Raises:
            ValueError: If a question is blank, or ``batch_size`` is below 1.
            ContextLengthError: As in `answer`.
        """
        if isinstance(questions, str):
            raise ValueError("questions must be a list; for a single one, use answer")
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        for index, question in enumerate(questions):
            if not isinstance(question, str) or not question.strip():
                raise ValueError(f"question {index} is blank: {question!r:.40}")
        answers: list[RagAnswer] = []
        starts = range(0, len(questions), batch_size)
        for start in tqdm(starts, disable=None, unit="batch", leave=False):
            answers += self._answer_batch(questions[start : start + batch_size])
        return answers

    def prompt(self, question: str, passages: Sequence[Hit]) -> str:
        """Return the text that the model continues: template filled, data made harmless."""
        context = numbered([neutralize(self.tokenizer, passage(hit.document)) for hit in passages])
        asked = one_line(neutralize(self.tokenizer, question))
        content = fill(self.template, context=context, question=asked)
        return prompt_text(self.tokenizer, [{"role": "user", "content": content}])

    def _answer_batch(self, questions: Sequence[str]) -> list[RagAnswer]:
        shown = [self._fitting(question, self._retrieve(question)) for question in questions]
        prompts = [
            self.prompt(question, passages)
            for question, passages in zip(questions, shown, strict=True)
            if passages
        ]
        written = iter(generate(self.model, self.tokenizer, prompts, self.params))
        return [
            parse_answer(next(written).text, passages, refusals=self.refusals)
            if passages
            else RagAnswer(NOT_FOUND, found=False)
            for passages in shown
        ]

    def _retrieve(self, question: str) -> tuple[Hit, ...]:
        hits = self.retriever.search(question, self.k)
        return tuple(hit for hit in hits if self.threshold is None or hit.score >= self.threshold)

    def _fitting(self, question: str, passages: tuple[Hit, ...]) -> tuple[Hit, ...]:
        """Leave out the last passages until prompt and answer fit; `generate` refuses the rest."""
        limit = context_length(self.model.config)
        while limit is not None and len(passages) > 1:
            (ids,) = encode_prompts(self.tokenizer, [self.prompt(question, passages)])
            if len(ids) + self.params.max_new_tokens <= limit:
                break
            passages = passages[:-1]
        return passages
