"""The log of calls: what is kept, and who can read it."""

import json
import os
from datetime import datetime, timedelta

import pytest

from companion.tools import AuditLog, ToolCall
from companion.tools.audit import record_of
from companion.tools.execution import ToolResult


def test_a_log_keeps_only_what_redaction_lets_through(tmp_path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path, redact=lambda record: record | {"arguments": "***"})

    log.append({"tool": "send", "arguments": {"text": "secret"}})

    assert log.records == [{"tool": "send", "arguments": "***"}]
    assert "secret" not in path.read_text()


@pytest.mark.skipif(os.name != "posix", reason="Windows has other permissions")
def test_a_log_is_readable_by_its_owner_only(tmp_path) -> None:
    AuditLog(tmp_path / "audit.jsonl").append({"tool": "send"})

    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o077 == 0


def test_if_redaction_fails_nothing_is_kept(tmp_path) -> None:
    path = tmp_path / "audit.jsonl"
    log = AuditLog(path, redact=lambda record: record["missing"])

    with pytest.raises(KeyError):
        log.append({"tool": "send", "arguments": {"text": "secret"}})

    assert log.records == []
    assert not path.exists()


def test_a_log_that_can_not_be_written_is_an_error(tmp_path) -> None:
    with pytest.raises(OSError, match="no_folder"):
        AuditLog(tmp_path / "no_folder" / "audit.jsonl").append({})


def test_a_record_says_what_was_asked_and_what_came_of_it() -> None:
    arguments = {"expression": "1 + 1"}
    result = ToolResult(ToolCall("calculator", arguments), "ok", {"value": 2}, seconds=0.12345678)

    record = record_of(3, result)

    assert datetime.fromisoformat(record.pop("time")).utcoffset() == timedelta(0)
    assert record == {
        "step": 3, "tool": "calculator", "arguments": {"expression": "1 + 1"}, "outcome": "ok",
        "result": '{"value": 2}', "seconds": 0.123457,
    }  # fmt: skip
    arguments["expression"] = "changed"
    assert record["arguments"] == {"expression": "1 + 1"}


def test_a_record_of_a_failure_has_what_the_model_was_told() -> None:
    record = record_of(1, ToolResult(ToolCall("f"), "failed", error="no such city"))

    assert record["result"] == '{"error": "no such city"}'


def test_records_are_appended_to_what_is_there(tmp_path) -> None:
    for number in (1, 2):
        AuditLog(str(tmp_path / "audit.jsonl")).append({"step": number})

    lines = (tmp_path / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"step": 1}, {"step": 2}]
