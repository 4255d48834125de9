"""The audit log: one record for every call that a model asked for, run or not.

Taught in :doc:`/book/applications/function-calling`.
"""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from companion.tools.execution import ToolResult

Record = dict[str, Any]


def record_of(step: int, result: ToolResult) -> Record:
    """Return the record of a call.

    Args:
        step: Round of the loop, from 1.
        result: What came of the call.

    Returns:
        ``time`` (UTC), ``step``, ``tool``, ``arguments``, ``outcome``, ``result`` (what the model
        was told) and ``seconds``.
    """
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "step": step,
        "tool": result.call.name,
        "arguments": json.loads(json.dumps(result.call.arguments)),
        "outcome": result.outcome,
        "result": result.content(),
        "seconds": round(result.seconds, 6),
    }


class AuditLog:
    """A list of records that can also be written to a file, line by line.

    A plain list does as the ``log`` of `companion.tools.run_tools` too. Taught in
    :doc:`/book/applications/function-calling`.

    Args:
        path: File in JSON Lines to append to; None keeps the records in memory only.
        redact: Gets each record before anyone else sees it, and returns what may be kept. If it
            raises, nothing is kept and the error goes on: a log must not leak by accident.

    Example:
        >>> def hide(record):
        ...     return record | {"arguments": {name: "..." for name in record["arguments"]}}
        >>> log = AuditLog(redact=hide)
        >>> log.append({"tool": "send_message", "arguments": {"to": "Ann"}})
        >>> log.records
        [{'tool': 'send_message', 'arguments': {'to': '...'}}]
    """

    def __init__(
        self, path: str | Path | None = None, *, redact: Callable[[Record], Record] | None = None
    ) -> None:
        self.records: list[Record] = []
        self._path, self._redact = None if path is None else Path(path), redact

    def append(self, record: Record) -> None:
        """Redact a record, keep it, and write it to the file.

        Raises:
            OSError: If the file can't be written.
        """
        kept = record if self._redact is None else self._redact(record)
        if self._path is not None:
            with open(self._path, "a", encoding="utf-8", opener=_for_the_owner) as file:
                file.write(json.dumps(kept) + "\n")
        self.records.append(kept)


def _for_the_owner(path: str, flags: int) -> int:
    """Open a file that only its owner may read."""
    return os.open(path, flags, 0o600)
