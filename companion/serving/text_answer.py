"""The answers of ``POST /v1/completions``: whole, and in pieces.

Taught in :doc:`/book/open-models/serving`.
"""

from collections.abc import Iterator
from typing import Any

from companion.serving.answer import Answer
from companion.serving.batch import Part
from companion.serving.order import Order, Served


class TextAnswer(Answer):
    """Continuations of texts.

    Args:
        order: What was asked for.
        served: The model.
    """

    kind, mark = "text_completion", "cmpl"

    def __init__(self, order: Order, served: Served) -> None:
        super().__init__(order, served)
        self.texts = [""] * order.rows
        self._offsets = [0] * order.rows
        self._told = [0] * order.rows

    def whole(self) -> dict[str, Any]:
        """Return the answer as one object."""
        choices = [
            self._choice(row, text, finish)
            for row, (text, finish) in enumerate(zip(self.texts, self.finishes, strict=True))
        ]
        return self._chunk(choices, usage=self.usage())

    def deltas(self, part: Part) -> Iterator[str]:
        """Take in a part, and yield what it adds to its text."""
        self.add(part)
        self.texts[part.row] += part.text
        if part.text or part.finish:
            yield part.text

    def first(self) -> Iterator[dict[str, Any]]:
        """Yield the chunks with which a stream begins: none."""
        yield from ()

    def chunks(self, part: Part) -> Iterator[dict[str, Any]]:
        """Take in a part, and yield what a stream hands out for it."""
        for text in self.deltas(part):
            finish = self.finishes[part.row] or None
            yield self._chunk([self._choice(part.row, text, finish)])

    def last(self) -> dict[str, Any]:
        """Return the chunk with the numbers of tokens."""
        return self._chunk([], usage=self.usage())

    def _choice(self, row: int, text: str, finish: str | None) -> dict[str, Any]:
        choice = {"index": row, "text": text, "logprobs": self._logprobs(row)}
        return choice | {"finish_reason": finish}

    def _logprobs(self, row: int) -> dict[str, Any] | None:
        """Return the log-probabilities of the tokens that were not told yet."""
        if self.order.top is None:
            return None
        new = self.tokens[row][self._told[row] :]
        self._told[row] += len(new)
        names = [self.named(one.token) for one in new]
        offsets = []
        for name in names:
            offsets.append(self._offsets[row])
            self._offsets[row] += len(name)
        return {
            "tokens": names,
            "token_logprobs": [one.logprob for one in new],
            "top_logprobs": [{self.named(t): value for t, value in one.top} for one in new],
            "text_offset": offsets,
        }
