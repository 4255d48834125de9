"""``submission_metadata.yml`` of Gradescope's *Export submissions*: who has handed in which folder.

Under the name of each folder stand its ``:submitters:``, one or a group, with ``:name:``, ``:sid:``
and ``:email:``; beside them all results of all attempts. So the file of a large class is large. It
is read event by event, and of it only the submitters are made: as text, since a ``:sid:`` such as
0123 is no number, and whatever tags there are, nothing else is built.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from companion._extras import require
from companion.exercises.grading.student import Student

METADATA = "submission_metadata.yml"
_NOTHING = ("", "~", "null")


def read_metadata(path: Path) -> dict[str, list[Student]]:
    """Return the submitters of each submission, by the name of its folder.

    Raises:
        ValueError: If the file can't be read or is no such list.
    """
    yaml = require("yaml", extra="grade")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, and ten times as fast
    try:
        with path.open("rb") as file:
            return dict(_submissions(yaml, yaml.parse(file, Loader=loader)))
    except OSError as error:
        raise ValueError(f"{path}: can't read it: {error.strerror}") from None
    except (yaml.YAMLError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise ValueError(f"{path} is not what Gradescope exports: {said}") from None


def _submissions(yaml: Any, events: Iterator[Any]) -> Iterator[tuple[str, list[Student]]]:
    starts = (yaml.StreamStartEvent, yaml.DocumentStartEvent)
    top = next(event for event in events if not isinstance(event, starts))
    if not isinstance(top, yaml.MappingStartEvent):
        raise ValueError("it names no submissions")
    for name, value in _pairs(yaml, events):
        people: list[Student] = []
        if isinstance(value, yaml.MappingStartEvent):
            for key, part in _pairs(yaml, events):
                if key == ":submitters" and isinstance(part, yaml.SequenceStartEvent):
                    people = list(_people(yaml, events))
                else:
                    _skip(yaml, events, part)
        else:
            _skip(yaml, events, value)
        yield name, people


def _people(yaml: Any, events: Iterator[Any]) -> Iterator[Student]:
    while not isinstance(item := next(events), yaml.SequenceEndEvent):
        if not isinstance(item, yaml.MappingStartEvent):
            _skip(yaml, events, item)
            continue
        about: dict[str, str] = {}
        for key, value in _pairs(yaml, events):
            if isinstance(value, yaml.ScalarEvent):
                text = " ".join(value.value.split())
                about[key] = "" if not value.style and text in _NOTHING else text
            else:
                _skip(yaml, events, value)
        name, number = about.get(":name", ""), about.get(":sid", "")
        if name or number:
            yield Student(name, number, "Gradescope", about.get(":email", ""))


def _pairs(yaml: Any, events: Iterator[Any]) -> Iterator[tuple[str, Any]]:
    """Yield each key of a mapping with the event that its value begins with.

    Whoever takes them reads the value to its end before the next.
    """
    while not isinstance(key := next(events), yaml.MappingEndEvent):
        _skip(yaml, events, key)
        yield (key.value if isinstance(key, yaml.ScalarEvent) else ""), next(events)


def _skip(yaml: Any, events: Iterator[Any], event: Any) -> None:
    """Read a value to its end."""
    depth = 0
    while True:
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth == 0:
            return
        event = next(events)
