"""Sections: the parts of a file, each with its text and the headings above it.

A reader walks through a file and tells `SectionList` about headings and texts. A heading belongs to
the text below it, and so do the headings above that heading. So each section knows its own heading
and its parents, and a chunk of it can say later what it is about.
"""

from typing import NamedTuple

SEPARATOR = " > "
"""Stands between the headings of ``parents``."""


class Section(NamedTuple):
    """A part of a file."""

    text: str
    """Blank if there is a heading and nothing below it."""
    title: str = ""
    """Title of the file, as the file itself gives it."""
    heading: str = ""
    parents: str = ""
    """Headings above ``heading``, the outermost first, without the title."""
    page: int = 0
    """Page number from 1, 0 if the file has no pages."""
    row: int = 0
    """Row of a table from 1, the row of names not counted; 0 if the file is no table."""
    encoding: str = ""
    """Name of the encoding, if it was guessed."""


class _Part(NamedTuple):
    level: int
    heading: str
    text: list[str]


class SectionList:
    """Collects headings and texts in the order of the file.

    Example:
        >>> found = SectionList()
        >>> for level, heading in ((1, "Shop"), (2, "Returns"), (3, "Kettles")):
        ...     found.begin(level, heading)
        >>> found.add("30 days.")
        >>> found.sections()
        [Section(text='30 days.', title='Shop', heading='Kettles', parents='Returns', ...)]
    """

    def __init__(self) -> None:
        self._parts = [_Part(0, "", [])]

    def begin(self, level: int, heading: str) -> None:
        """Begin a section. A heading without words begins none."""
        if heading:
            self._parts.append(_Part(level, heading, []))

    def add(self, text: str) -> None:
        """Add text to the section that was begun last."""
        self._parts[-1].text.append(text)

    def sections(self, title: str = "", default: str = "") -> list[Section]:
        """Return what was collected.

        A heading without text of its own is no section if there are sections below it: it is among
        their parents. Without any it becomes one, so that no heading is lost.

        Args:
            title: Title of the file; its first heading of level 1, if empty.
            default: Title if there is neither.
        """
        title = title or next((part.heading for part in self._parts if part.level == 1), default)
        sections: list[Section] = []
        above: list[_Part] = []
        following = [*self._parts[1:], _Part(0, "", [])]
        for part, after in zip(self._parts, following, strict=True):
            while above and above[-1].level >= part.level:
                above.pop()
            text = "".join(part.text).strip("\n")
            if text or (part.heading and after.level <= part.level):
                names = [
                    section.heading
                    for section in above
                    if section.heading and section.heading != title
                ]
                sections.append(Section(text, title, part.heading, SEPARATOR.join(names)))
            above.append(part)
        return sections
