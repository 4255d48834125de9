"""Function calling: a model asks for a tool, your code decides, runs it and tells the model.

==============  =====================================================================
`tool`          a tool from a typed, documented function
`call`          read the calls out of what a model wrote; `strict_json`: without repairs
`toolbox`       the allow-list: validate, run with limits, results for the model
`conversion`    from JSON to the types that a function asks for
`execution`     one call with a time limit, and what becomes of it
`loop`          request, call, result, answer: with approval, step limit and audit log
`audit`         the audit log
`transcript`    calls in a conversation, as text or as objects
`instruction`   tools for a model that was not trained to call them: examples near the request
`evaluation`    measure calls against the right ones
`interop`       the same tools for LangChain
`servers`       tools of MCP servers
`tool_file`     a tool from a Python file
`calculator`    tool: arithmetic without eval
`weather`       tool: weather over bundled, invented data
`search`        tool: search with any retriever
==============  =====================================================================

Nothing here knows a model: `companion.backends` asks one for its next turn.
"""

from typing import TYPE_CHECKING

from companion._faces import lazy

if TYPE_CHECKING:
    from companion.tools.audit import AuditLog
    from companion.tools.call import ToolCall, parse_calls, parse_tool_calls
    from companion.tools.execution import ToolResult
    from companion.tools.loop import ToolRun, run_tools
    from companion.tools.tool import Tool
    from companion.tools.toolbox import Toolbox

__all__ = [
    "AuditLog",
    "Tool",
    "ToolCall",
    "ToolResult",
    "ToolRun",
    "Toolbox",
    "parse_calls",
    "parse_tool_calls",
    "run_tools",
]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "audit": "AuditLog",
        "call": "ToolCall parse_calls parse_tool_calls",
        "execution": "ToolResult",
        "loop": "ToolRun run_tools",
        "tool": "Tool",
        "toolbox": "Toolbox",
    },
)
