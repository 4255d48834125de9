"""What all answers have: an identifier, how each text ended, numbers of tokens, log-probabilities.

Taught in :doc:`/book/open-models/serving`.
"""

import secrets
import time
from typing import Any

from companion.serving.batch import Part, Token
from companion.serving.order import Order, Served

ENDINGS = {"eos": "stop", "stop": "stop", "length": "length"}
"""How a text ended, in the words of the protocol."""


class Answer:
    """The answer to an order, as far as it has been written.

    Args:
        order: What is written.
        served: The model.

    Attributes:
        kind: The ``object`` of a whole answer.
        mark: How its identifier begins.
    """

    kind = ""
    mark = ""

    def __init__(self, order: Order, served: Served) -> None:
        self.order, self.served = order, served
        head = {"id": f"{self.mark}-{secrets.token_hex(12)}", "object": self.kind}
        self.head = head | {"created": int(time.time()), "model": served.name}
        self.written = 0
        self.finishes = [""] * order.rows
        self.tokens: list[list[Token]] = [[] for _ in range(order.rows)]

    def add(self, part: Part) -> None:
        """Take in a part of a text."""
        self.written += 1
        if self.order.top is not None:
            self.tokens[part.row].append(part.token)
        if part.finish:
            self.finishes[part.row] = ENDINGS[part.finish]

    def usage(self) -> dict[str, int]:
        """Return the numbers of tokens: read, written, and both."""
        read = sum(map(len, self.order.prompts))
        counts = {"prompt_tokens": read, "completion_tokens": self.written}
        return counts | {"total_tokens": read + self.written}

    def named(self, token: int) -> str:
        """Return the text of a token; of a part of a character, the sign that stands for it."""
        return self.served.tokenizer.decode([token], clean_up_tokenization_spaces=False)

    def _chunk(self, choices: list[Any], **more: Any) -> dict[str, Any]:
        return {**self.head, "choices": choices, **more}
