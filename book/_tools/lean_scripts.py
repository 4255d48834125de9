r"""Keep the theme's scripts from asking where things are before the page is on the screen.

To answer, the browser has to lay out the whole page at once, which takes a phone up to half a
second on a long page. Nothing that is asked there is needed before the reader scrolls:

- whether a block of code scrolls, so that it gets the focus: ``scrolling.js`` does this instead;
- where the header ends, to know when "Back to top" is shown;
- which link belongs to what is on the screen. On a screen wide enough for the contents beside the
  text, that is asked when the page has loaded, as the theme does it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from project import BookError


class Change(NamedTuple):
    """A part of a minified script and what takes its place."""

    part: str
    """A regular expression that is found once."""
    new: str
    done: str
    """Characters that only the changed script has."""


CHANGES = {
    "pydata-sphinx-theme.js": [
        Change(
            r'(tabIndex.*?)"complete"===document\.readyState\?(\w)\(\):'
            r'window\.addEventListener\("load",\2\)',
            r"\1void 0/* see scrolling.js */",
            "/* see scrolling.js */",
        ),
    ],
    "bootstrap.js": [
        Change(
            r'(\w)=(document\.getElementsByClassName\("bd-header"\)\[0\])\.getBoundingClientRect\(\);'
            r'(window\.addEventListener\("scroll",\(function\(\)\{)',
            r"\1;\3\1??=\2.getBoundingClientRect();",
            "??=document.getElementsByClassName",
        ),
        Change(
            r"\w+\.on\(window,\w+,"
            r"(\(\(\)=>\{for\(const \w of \w+\.find\('\[data-bs-spy=\"scroll\"\]'\)\).*?\}\))\)",
            r'addEventListener(matchMedia("(min-width: 992px)").matches?"load":"scroll",'
            r"\1,{once:!0})",
            '"load":"scroll"',
        ),
    ],
}


def lean_scripts(folder: Path) -> None:
    """Change the theme's scripts in a folder, those that are there.

    Raises:
        BookError: If a script is not as it was when these changes were written.
    """
    for name, changes in CHANGES.items():
        path = folder / name
        if path.is_file():
            path.write_text(changed(path.read_text(encoding="utf-8"), changes), encoding="utf-8")


def changed(script: str, changes: Sequence[Change]) -> str:
    """Change a script; one that was changed before stays as it is.

    Raises:
        BookError: If a part is not there, or there more than once.
    """
    for change in changes:
        if change.done in script:
            continue
        script, count = re.subn(change.part, change.new, script, flags=re.DOTALL)
        if count != 1:
            raise BookError(
                f"a script of the theme has {count} parts like {change.part}: see {__name__}.py"
            )
    return script
