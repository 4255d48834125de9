"""The report: scores, in a file that loads nothing, and a digest of what it says."""

import re

from companion.exercises import catalog
from companion.exercises.records import Record
from companion.exercises.reports import digest, report_page


def test_the_digest_changes_with_the_scores():
    one = digest({"a": Record()}, "Ada", "2026-01-01")

    assert one == digest({"a": Record()}, "Ada", "2026-01-01")
    assert one != digest({"a": Record(best=1.0)}, "Ada", "2026-01-01")
    assert one != digest({"a": Record()}, "Bob", "2026-01-01")


EXERCISES = [catalog.find(name) for name in ("causal-mask", "attention-head", "llama-2-cache")]
WHEN = "2026-12-01T10:00:00Z"


def cells(page):
    """The text of each row's cells."""
    rows = re.findall("<tr>(<td>.*?)</tr>", page)
    return [re.findall("<td>(.*?)</td>", row) for row in rows]


def test_each_exercise_has_a_row_with_points_attempts_and_how():
    records = {
        "causal-mask": Record(attempts=2, best=1.0, hints=1, solved=WHEN, unaided=True),
        "attention-head": Record(attempts=5, best=0.5),
    }

    page = report_page(EXERCISES, records)

    assert [row[2:] for row in cells(page)] == [
        ["1 of 1", "2", "solved, 1 hint"],
        ["1 of 2", "5", "begun"],
        ["0 of 1", "0", "not attempted"],
    ]
    assert "1 of 3 exercises solved, 2 of 4 points" in page


def test_what_was_seen_before_is_said():
    record = Record(attempts=1, best=1.0, solved=WHEN, unaided=False)

    ((*_, how),) = cells(report_page(EXERCISES[:1], {"causal-mask": record}))

    assert how == "solved after seeing the solution"


def test_a_name_is_text_and_stands_in_the_digest():
    page = report_page(EXERCISES, {}, "<b>Ada</b>")

    assert "of &lt;b&gt;Ada&lt;/b&gt;" in page
    assert "<b>" not in page
    written = re.search(r"Written (\S+)\.<", page).group(1)
    assert digest({}, "<b>Ada</b>", written) in page


def test_the_order_of_records_does_not_change_the_digest():
    one, two = {"a": Record(), "b": Record(best=0.5)}, {"b": Record(best=0.5), "a": Record()}

    assert digest(one, "", WHEN) == digest(two, "", WHEN)
