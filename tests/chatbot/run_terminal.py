"""A terminal chat over a slow, scripted model: what the tests of the terminal start."""

import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace

from companion.chatbot import Chatbot
from companion.chatbot.settings import ChatSettings
from companion.chatbot.terminal import Terminal
from companion.errors import CompanionError, EndpointError
from companion.reasoning import keep_apart


class SlowBackend:
    """Repeats what was said, or counts up slowly; fails on demand."""

    context_length = 200

    def __init__(self, name: str = "slow") -> None:
        self.name = name

    def count_tokens(self, messages: list[dict]) -> int:
        return sum(1 + len(message["content"].split()) for message in messages)

    def stream(self, messages: list[dict], params: object) -> Iterator[str]:
        if messages[-1]["content"].endswith("reason"):
            return keep_apart(["I could say 41.", " No.", "\n</think>", "\n\nIt is", " 42."])
        return self._pieces(messages)

    def _pieces(self, messages: list[dict]) -> Iterator[str]:
        text = messages[-1]["content"]
        if text.startswith("count"):
            for number in range(200):
                yield f"{number} "
                time.sleep(0.05)
        elif text == "fail":
            yield "half"
            raise EndpointError("the endpoint\nbroke off")
        elif text == "escape":
            yield "red \x1b[31m text\x07"
        elif text == "history":
            yield str([message["content"] for message in messages])
        elif "\nreturned: " in text:
            yield f"The tool said {text.partition('returned: ')[2].splitlines()[0]}."
        elif "Functions:" in messages[0]["content"]:
            yield '{"name": "send", "arguments": {"text": "x"}}'
        else:
            yield f"{self.name} heard {text}"


class Library:
    """Finds one passage for questions that begin with "where"."""

    def search(self, query: str, k: int) -> list[SimpleNamespace]:
        document = SimpleNamespace(text="Ann lives\nin Oslo.", metadata={"source": "a.md"})
        return [SimpleNamespace(document=document, score=1.0)] if query.startswith("where") else []


def send(text: str) -> str:
    """Send a message.

    Args:
        text: What to send.
    """
    return f"sent {text}"


def switch(bot: Chatbot, name: str) -> None:
    if name == "missing":
        raise CompanionError("there is no model 'missing'")
    bot.backend = SlowBackend(name)


def main() -> int:
    terminal = Terminal(switch, title="slow-chat")
    tools = None
    if "--tools" in sys.argv:
        from companion.tools import Tool, Toolbox

        tools = Toolbox([Tool.from_function(send, needs_approval=True)])
    bot = Chatbot(
        SlowBackend(),
        tools=tools,
        retriever=Library() if "--docs" in sys.argv else None,
        settings=ChatSettings(approve=terminal.approve),
    )
    return terminal.run(bot)


if __name__ == "__main__":
    sys.exit(main())
