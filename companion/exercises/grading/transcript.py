"""What a worker says, checked line by line as it comes.

A submission can write into the worker's channel, so nothing in it is believed and little of it is
kept: one message for each case of the exercise that is running, of known fields and bounded size.
"""

import json
from typing import Any

MOST_BYTES = 30 * 2**20  # in all
_LONGEST_LINE = 6 * 2**20
_MOST_LINES = 100_000
_MOST_NOTES = 100
_STATES = ("value", "error", "timeout", "not run", "not attempted")
_TEXTS = {"error": 500, "place": 200, "missing": 100}  # characters that are kept
_MOST_KINDS = 20
_ANSWERS = {"state", "value", "missing"}  # what a message on an exercise holds one of


class TooMuch(Exception):
    """The worker said more than any answer takes."""


class Transcript:
    """The messages of one run of the worker.

    Args:
        cells: How many cells the submission has.
        exercises: What the worker was told about each exercise.
        skip: Exercises that this run leaves out at the front.

    Attributes:
        found: For each exercise the messages about it.
        notes: What went wrong in the cells: number of the cell, and text.
        held: What the worker says is in force, before it runs anything.
        cell: The last cell that was begun.
        position: Index of the exercise that is running; ``skip - 1`` before the first.
        done: Whether the last message says that it came to the end, and there are all answers.
    """

    def __init__(self, cells: int, exercises: tuple[dict[str, Any], ...], skip: int) -> None:
        self.found: dict[str, list[dict[str, Any]]] = {}
        self.notes: list[tuple[int, str]] = []
        self.held: tuple[str, ...] | None = None
        self.cell, self.position, self.done = 0, skip - 1, False
        self._cells, self._exercises, self._skip = cells, exercises, skip
        self._order = {exercise["id"]: number for number, exercise in enumerate(exercises)}
        self._seen: set[tuple[str, object]] = set()
        self._rest, self._bytes, self._lines = b"", 0, 0

    @property
    def reached(self) -> str | None:
        """The exercise that is running; None while cells are."""
        if self.position < self._skip:
            return None
        return self._exercises[self.position]["id"]

    def feed(self, part: bytes) -> None:
        """Take in what was read from the channel.

        Raises:
            TooMuch: If it is too much, in all or in one line.
        """
        *lines, self._rest = (self._rest + part).split(b"\n")
        self._bytes += len(part)
        self._lines += len(lines)
        if self._bytes > MOST_BYTES or self._lines > _MOST_LINES:
            raise TooMuch
        if max(map(len, [*lines, self._rest])) > _LONGEST_LINE:
            raise TooMuch
        for line in lines:
            try:
                message = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(message, dict):
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        self.done = message.get("done") is True and self._is_complete()
        if self.held is None:
            held = message.get("held")
            names = held if isinstance(held, list) else []
            self.held = tuple(str(name)[:20] for name in names[:10])
        name = message.get("exercise")
        if isinstance(name, str):
            self._take_exercise(name, message)
        elif self.reached is None and type(message.get("cell")) is int:
            self._take_cell(message["cell"], message.get("error"))

    def _take_cell(self, cell: int, error: object) -> None:
        if not self.cell <= cell <= self._cells:
            return
        self.cell = cell
        if isinstance(error, str) and len(self.notes) < _MOST_NOTES:
            self.notes.append((cell, _text(error, 300)))

    def _take_exercise(self, name: str, message: dict[str, Any]) -> None:
        number = self._order.get(name, -1)
        if message.keys() == {"exercise"}:
            self.position = max(self.position, number)
            return
        case = message.get("case")
        if number != self.position or number < self._skip or not self._is_new(name, case):
            return
        self._seen.add((name, case))
        self.found.setdefault(name, []).append(_known_fields(message))

    def _is_complete(self) -> bool:
        """Say if there is an answer for each case, so that no claim to have ended is believed."""
        for exercise in self._exercises[self._skip :]:
            answers = [m for m in self.found.get(exercise["id"], []) if m.keys() & _ANSWERS]
            missing = any("missing" in message for message in answers)
            if len(answers) < max(1, len(exercise["cases"])) and not missing:
                return False
        return True

    def _is_new(self, name: str, case: object) -> bool:
        """Say if nothing was said on this case, or on this exercise without cases."""
        count = len(self._exercises[self._order[name]]["cases"])
        if case is not None and (type(case) is not int or not 0 <= case < count):
            return False
        return (name, case) not in self._seen


def _known_fields(message: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are known and have the right type, cut to their size."""
    kept: dict[str, Any] = {}
    if type(message.get("case")) is int:
        kept["case"] = message["case"]
    if message.get("state") in _STATES:
        kept["state"] = message["state"]
    if isinstance(message.get("value"), str):
        kept["value"] = message["value"]
    for name, limit in _TEXTS.items():
        if isinstance(message.get(name), str):
            kept[name] = _text(message[name], limit)
    kinds = message.get("kinds")
    if isinstance(kinds, list):
        kept["kinds"] = [_text(kind, 100) for kind in kinds[:_MOST_KINDS] if isinstance(kind, str)]
    return kept


def _text(text: str, limit: int) -> str:
    """Cut a text; halves of surrogate pairs, which no file can hold, become question marks."""
    return text[:limit].encode("utf-8", "replace").decode("utf-8")
