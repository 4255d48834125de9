"""The same toolbox for LangChain.

For an OpenAI-compatible endpoint see `companion.backends.endpoint.EndpointTurns`. Taught in
:doc:`/book/applications/function-calling`.
"""

from typing import Any

from companion._extras import require
from companion.tools.call import ToolCall
from companion.tools.toolbox import Toolbox


def langchain_tools(toolbox: Toolbox) -> list[Any]:
    """Return the tools as ``StructuredTool`` of LangChain, for ``bind_tools`` and agents.

    Each call still goes through the toolbox: validated, limited, with errors as results. What
    needs approval is refused, since LangChain asks nobody; take such tools out, or use
    `companion.tools.run_tools`. Taught in :doc:`/book/applications/function-calling`.

    Args:
        toolbox: The tools.

    Returns:
        One ``StructuredTool`` per tool; it returns the JSON text that a model would read.

    Raises:
        MissingExtraError: If langchain-core is not installed.
    """
    structured = require("langchain_core.tools", extra="rag").StructuredTool

    def runner(name: str) -> Any:
        def run(**arguments: Any) -> str:
            if toolbox[name].needs_approval:
                return '{"error": "this tool needs the approval of a person"}'
            return toolbox.run(ToolCall(name, arguments)).content()

        return run

    return [
        structured.from_function(
            func=runner(tool.name),
            name=tool.name,
            description=tool.description,
            args_schema=tool.parameters,
            infer_schema=False,
        )
        for tool in toolbox
    ]
