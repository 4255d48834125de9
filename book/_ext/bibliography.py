"""The list of references: each entry under the words by which the pages cite it.

Titles keep the capitals that they have in ``references.bib``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pybtex.database import Entry
from pybtex.plugin import register_plugin
from pybtex.style.formatting.plain import Style as PlainStyle
from pybtex.style.labels import BaseLabelStyle
from pybtex.style.template import Node, field, sentence
from references import cited_as

NAME = "as_cited"


class CitedLabels(BaseLabelStyle):
    """Author and year, as in the text, in the place of a number."""

    def format_labels(self, sorted_entries: Iterable[Entry]) -> Iterator[str]:
        """Yield the label of each entry."""
        for entry in sorted_entries:
            yield ", ".join(cited_as(entry))


class AsCited(PlainStyle):
    """The plain style of BibTeX with these labels, and titles as they are."""

    default_label_style = CitedLabels

    def format_title(self, e: Entry, which_field: str, as_sentence: bool = True) -> Node:
        """Leave the capitals of a title alone."""
        title = field(which_field)
        return sentence[title] if as_sentence else title


def setup_bibliography() -> None:
    """Make the style known under its name, which ``_config.yml`` has."""
    register_plugin("pybtex.style.formatting", NAME, AsCited)
