"""reStructuredText as prose: read by docutils as HTML, and then as any other HTML.

docutils knows its own directives and roles, not those of Sphinx and others. Of what it does not
know the text is read, as in Markdown. Nothing that a file names is included or run.
"""

import io
import re
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from companion._extras import require
from companion.errors import DocumentError
from companion.rag.markdown import CODE, HIDDEN
from companion.rag.sections import Section
from companion.rag.web_page import html_sections

DIRECTIVE = re.compile(r"\.\. ([\w:.+-]+)::[ \t]*(.*)")
ROLE = re.compile(r":[\w:.+-]+:`([^`]*?)(?:\s*<[^`<>]*>)?`$")


def rst_sections(text: str, name: str, *, code: bool = False) -> list[Section]:
    r"""Cut reStructuredText at its headings and take the marks away.

    Args:
        text: The file's text.
        name: Name of the file, for messages.
        code: Keep blocks of program code.

    Returns:
        The sections.

    Raises:
        DocumentError: If docutils can't read it.

    Example:
        >>> rst_sections("Trees\n=====\n\nAn *oak* is a :term:`tree`.", "a.rst")[0].text
        'An oak is a tree.'
    """
    core = require("docutils.core", extra="rag")
    html5 = require("docutils.writers.html5_polyglot", extra="rag")
    writer = html5.Writer()
    try:
        with _docutils_alone():
            tree = _tree(text)
            core.publish_from_doctree(tree, writer=writer, settings_overrides=_settings())
            writer.assemble_parts()
    except Exception as error:  # its parsers raise almost anything
        raise DocumentError(
            f"{name} is not readable as reStructuredText: {type(error).__name__}: {error!s:.200}"
        ) from error
    return html_sections(writer.parts["body"], name, code=code)


@contextmanager
def _docutils_alone() -> Iterator[None]:
    """Take away directives and roles of other libraries for a moment.

    Sphinx, once it has built something, leaves its own for the whole process, and there they fail.
    """
    directives = require("docutils.parsers.rst.directives", extra="rag")
    roles = require("docutils.parsers.rst.roles", extra="rag")
    added = (directives._directives, roles._roles)
    with _ALONE:
        kept = [dict(table) for table in added]
        try:
            for table in added:
                table.clear()
            yield
        finally:
            for table, before in zip(added, kept, strict=True):
                table.clear()
                table.update(before)


_ALONE = threading.Lock()


def _settings() -> dict[str, Any]:
    return {
        "_disable_config": True,
        "doctitle_xform": False,
        "file_insertion_enabled": False,
        "halt_level": 5,
        "initial_header_level": 1,
        "raw_enabled": False,
        "report_level": 2,
        "syntax_highlight": "none",
        "warning_stream": io.StringIO(),  # nothing is printed
    }


def _tree(text: str) -> Any:
    """Parse, and put text in the place of errors."""
    core = require("docutils.core", extra="rag")
    nodes = require("docutils.nodes", extra="rag")
    tree = core.publish_doctree(text, settings_overrides=_settings())
    for problem in list(tree.findall(nodes.problematic)):
        role = ROLE.match(problem.astext())
        text = nodes.Text(role[1] if role else problem.astext())
        problem.parent.replace(problem, text)
    for message in list(tree.findall(nodes.system_message)):
        source = next((block.astext() for block in message.findall(nodes.literal_block)), "")
        message.parent.replace(message, _contents(source))
    tree.parse_messages, tree.transform_messages = [], []  # or the writer lists them at the end
    return tree


def _contents(source: str) -> list[Any]:
    """Return the content of a directive that docutils does not know."""
    first, _, rest = source.partition("\n")
    directive = DIRECTIVE.match(first)
    if not directive or directive[1] in CODE | HIDDEN:
        return []
    body = re.sub(r"\A(?:[ \t]*\n|[ \t]*:[\w-]+:.*\n?)*", "", textwrap.dedent(rest))
    return list(_tree(f"{directive[2]}\n\n{body}").children)
