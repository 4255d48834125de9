"""The answers of ``POST /v1/chat/completions``: whole, and in pieces.

Both are made of the same pieces, so a stream says what the whole answer would say. Taught in
:doc:`/book/open-models/serving`.
"""

from collections.abc import Iterator
from typing import Any

from companion.serving.answer import Answer
from companion.serving.batch import Part, Token
from companion.serving.chat_request import ChatRequest
from companion.serving.order import Served
from companion.serving.turn import Delta, GrowingTurn


class ChatAnswer(Answer):
    """The next turn of a conversation, or several of them to choose from.

    Args:
        request: What was asked for.
        served: The model.
    """

    kind, mark = "chat.completion", "chatcmpl"

    def __init__(self, request: ChatRequest, served: Served) -> None:
        super().__init__(request.order, served)
        self.turns = [GrowingTurn(request.opening, tools=request.tools) for _ in self.finishes]
        self.messages: list[dict[str, Any]] = [{} for _ in self.finishes]
        self._told = [0] * len(self.finishes)

    def deltas(self, part: Part) -> Iterator[Delta]:
        """Take in a part, and yield what it adds to the message of its turn."""
        self.add(part)
        turn = self.turns[part.row]
        for delta in turn.add(part.text):
            yield self._kept(part.row, delta)
        if part.finish:
            for delta in turn.end():
                yield self._kept(part.row, delta)
            if turn.called:
                self.finishes[part.row] = "tool_calls"

    def whole(self) -> dict[str, Any]:
        """Return the answer as one object."""
        choices = []
        for row, (message, finish) in enumerate(zip(self.messages, self.finishes, strict=True)):
            content = self.turns[row].said or (None if "tool_calls" in message else "")
            said = {"role": "assistant", "content": content, **message, "refusal": None}
            if "tool_calls" in said:
                calls = said["tool_calls"]
                said["tool_calls"] = [
                    {key: call[key] for key in ("id", "type", "function")} for call in calls
                ]
            logprobs = self._logprobs(row, 0)
            choices.append(
                {"index": row, "message": said, "logprobs": logprobs, "finish_reason": finish}
            )
        return self._chunk(choices, usage=self.usage())

    def first(self) -> Iterator[dict[str, Any]]:
        """Yield the chunks with which a stream begins."""
        for row in range(len(self.finishes)):
            yield self._piece(row, {"role": "assistant", "content": ""})

    def chunks(self, part: Part) -> Iterator[dict[str, Any]]:
        """Take in a part, and yield what a stream hands out for it."""
        for delta in self.deltas(part):
            yield self._piece(part.row, delta, tell=True)
        if part.finish:
            yield self._piece(part.row, {}, self.finishes[part.row], tell=True)

    def last(self) -> dict[str, Any]:
        """Return the chunk with the numbers of tokens."""
        return self._chunk([], object="chat.completion.chunk", usage=self.usage())

    def _kept(self, row: int, delta: Delta) -> Delta:
        """Keep what a delta adds to the message beside its content, which the turn keeps."""
        message = self.messages[row]
        for key in delta.keys() - {"content"}:
            message[key] = message[key] + delta[key] if key in message else delta[key]
        return delta

    def _piece(
        self, row: int, delta: Delta, finish: str | None = None, *, tell: bool = False
    ) -> dict[str, Any]:
        logprobs = None
        if tell and len(self.tokens[row]) > self._told[row]:
            logprobs = self._logprobs(row, self._told[row])
            self._told[row] = len(self.tokens[row])
        choice = {"index": row, "delta": delta, "logprobs": logprobs, "finish_reason": finish}
        return self._chunk([choice], object="chat.completion.chunk")

    def _logprobs(self, row: int, start: int) -> dict[str, Any] | None:
        if self.order.top is None:
            return None
        told = [self._token(token) for token in self.tokens[row][start:]]
        return {"content": told, "refusal": None}

    def _token(self, written: Token) -> dict[str, Any]:
        top = [self._one(*pair) for pair in written.top]
        return self._one(written.token, written.logprob) | {"top_logprobs": top}

    def _one(self, token: int, logprob: float) -> dict[str, Any]:
        text = self.named(token)
        whole = "\ufffd" not in text  # part of a character has no bytes of its own here
        spelled = list(text.encode()) if whole else None
        return {"token": text, "logprob": logprob, "bytes": spelled}
