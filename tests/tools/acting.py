"""A toolbox with one tool, which does what a test wants, and a call of it."""

from companion.tools import Toolbox, ToolCall

ACT = ToolCall("act")


def box(body, **limits) -> Toolbox:
    def act(n: int = 0) -> object:
        """Act.

        Args:
            n: A number.
        """
        return body(n)

    return Toolbox([act], **limits)
