"""The pipeline: retrieve passages, let a model answer from them, and say which ones it used.

When nothing in the documents is close enough, the model is not asked at all. When it is asked and
finds no answer in the passages, the result says so, too.

Retrieved text is data from outside. Special tokens are removed from it and each passage is put on
one line, so that it can't end its turn or pose as another passage. This does not stop a passage
from *asking* the model for something: see :doc:`/book/prompting/injection`.

Left out: conversations, rewriting of questions, streaming.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tqdm import tqdm

from companion._checks import check_whole
from companion.backends.backend import Backend, check_backend, cleaner, write_all
from companion.generation.params import SamplingParams
from companion.messages import Message
from companion.phrases import NOT_THERE, RETRIEVAL_PROMPT
from companion.prompts import fill
from companion.rag.answers import NOT_FOUND, RagAnswer, one_line, parse_answer
from companion.rag.documents import Hit
from companion.rag.grounding import best_fitting, find_passages, grounded_prompt
from companion.rag.retriever import Retriever

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class RagPipeline:
    """Answers questions from documents. Taught in :doc:`/book/applications/rag`.

    Args:
        retriever: Any object with ``search(query, k)``.
        model: A chat model, or, without a tokenizer, any backend: an
            `companion.backends.endpoint.EndpointBackend`, for example.
        tokenizer: The tokenizer of the model, with a chat template.
        k: Passages to retrieve. Of these, the best that fit into the model's context are shown.
        threshold: Least score of a passage; what is below is not shown. It depends on the
            retriever: a cosine for `DenseRetriever`. None shows everything.
        params: How to decode; greedily, up to 48 tokens, if None.
        template: The user's message, with ``{context}`` and ``{question}``.
        refusals: Answers that mean "not in the documents", with or without the period.

    Raises:
        ValueError: If ``k`` is below 1, ``params`` asks for several texts, or there is no backend.
        PromptError: If the template lacks a field.
    """

    def __init__(
        self,
        retriever: Retriever,
        model: "PreTrainedModel | Backend",
        tokenizer: "PreTrainedTokenizerBase | None" = None,
        *,
        k: int = 4,
        threshold: float | None = None,
        params: SamplingParams | None = None,
        template: str = RETRIEVAL_PROMPT,
        refusals: Sequence[str] = (NOT_THERE, NOT_FOUND),
    ) -> None:
        check_whole(k=k)
        self.params = params or SamplingParams(temperature=0, max_new_tokens=48)
        if self.params.n != 1:
            raise ValueError(f"params must ask for one text per prompt, got n={self.params.n}")
        fill(template, context="", question="")
        self.retriever = retriever
        self.backend = model if tokenizer is None else _local(model, tokenizer)
        check_backend(self.backend)
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
        check_whole(batch_size=batch_size)
        for index, question in enumerate(questions):
            if not isinstance(question, str) or not question.strip():
                raise ValueError(f"question {index} is blank: {question!r:.40}")
        answers: list[RagAnswer] = []
        starts = range(0, len(questions), batch_size)
        for start in tqdm(starts, disable=None, unit="batch", leave=False):
            answers += self._answer_batch(questions[start : start + batch_size])
        return answers

    def messages(self, question: str, passages: Sequence[Hit]) -> list[Message]:
        """Return what the model is asked: template filled, data made harmless."""
        texts, clean = [hit.text for hit in passages], cleaner(self.backend)
        asked = one_line(clean(question))
        content = grounded_prompt(asked, texts, template=self.template, clean=clean)
        return [{"role": "user", "content": content}]

    def prompt(self, question: str, passages: Sequence[Hit]) -> str:
        """Return the text that a model in this process continues."""
        return self.backend.prompt(self.messages(question, passages))

    def _answer_batch(self, questions: Sequence[str]) -> list[RagAnswer]:
        shown = [self._shown(question) for question in questions]
        conversations = [
            self.messages(question, passages)
            for question, passages in zip(questions, shown, strict=True)
            if passages
        ]
        written = iter(write_all(self.backend, conversations, self.params))
        return [
            parse_answer(next(written).text, passages, refusals=self.refusals)
            if passages
            else RagAnswer(NOT_FOUND, found=False)
            for passages in shown
        ]

    def _shown(self, question: str) -> list[Hit]:
        """Return the best passages that fit; at least one, which the model may then refuse."""
        hits = find_passages(self.retriever, question, self.k, self.threshold)
        room = self.backend.context_length - self.params.max_new_tokens

        def fits(part: Sequence[Hit]) -> bool:
            return self.backend.count_tokens(self.messages(question, part)) <= room

        return best_fitting(hits, fits) or hits[:1]


def _local(model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> Backend:
    from companion.backends.local import LocalBackend  # here: an endpoint needs no torch

    return LocalBackend(model, tokenizer)
