"""An MCP server, made with the official library: what the tests of `ToolServer` start.

The first argument makes it misbehave.
"""

import os
import sys
import time

how = sys.argv[1] if len(sys.argv) > 1 else "good"
if how == "dead":
    sys.stderr.write("no database here\n")
    sys.exit(3)
if how == "silent":
    time.sleep(60)
if how == "nonsense":
    for _ in range(1000):
        sys.stdout.write("Welcome to my server!\n{\n[1, 2]\n")
        sys.stdout.flush()
        time.sleep(0.01)
    time.sleep(60)
if how == "noisy":
    sys.stdout.write("Starting up ...\n")
    sys.stdout.flush()

from mcp.server.mcpserver import MCPServer  # noqa: E402  it takes a second

server = MCPServer("harbour")


@server.tool()
def tide(place: str, hours: int = 1) -> dict[str, float]:
    """Tell how high the water will stand.

    Args:
        place: Name of the harbor.
        hours: Hours from now.
    """
    if place == "nowhere":
        raise ValueError("there is no harbor 'nowhere'")
    return {"meters": 1.5 * hours}


@server.tool(name="log.book/read")
def read() -> str:
    """Read the log book.

    It has two pages.
    """
    return "Calm.\nNo wind."


@server.tool()
def sink() -> str:
    """End the server at once."""
    os._exit(7)


@server.tool()
def wait(seconds: float) -> str:
    """Answer late."""
    time.sleep(seconds)
    return "late"


@server.tool()
def secrets() -> list[str]:
    """Name the variables of the environment that hold a key."""
    return sorted(name for name in os.environ if "KEY" in name)


if __name__ == "__main__":
    server.run("stdio")
