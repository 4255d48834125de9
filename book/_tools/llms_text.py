"""The file ``llms.txt`` of the site: what the book is and where its pages are, for language models.

In the form of https://llmstxt.org: title, summary, and lists of links with a sentence each.
"""

from __future__ import annotations

import re

import yaml
from project import Project

_DESCRIPTION = re.compile(r"description: *\"(?P<text>[^\"]+)\"")
_TITLE = re.compile(r"^# (?P<text>.+)$", re.MULTILINE)
_MARKUP = re.compile(r"[`*_]")


def llms_text(project: Project) -> str:
    """Return the text: a section for each part, a line for each page.

    Pages without a description in their front matter have their title alone.
    """
    contents = yaml.safe_load((project.root / "_toc.yml").read_text(encoding="utf-8"))
    title, summary = _facts(project, contents["root"])
    lines = [f"# {title}", "", f"> {summary}"]
    for part in contents.get("parts", []):  # a book may have none
        lines += ["", f"## {part['caption']}", ""]
        for chapter in part["chapters"]:
            for entry in (chapter, *chapter.get("sections", [])):
                name, text = _facts(project, entry["file"])
                link = f"- [{name}]({project.site_url}{entry['file']}.html)"
                lines.append(f"{link}: {text}" if text else link)
    return "\n".join(lines) + "\n"


def _facts(project: Project, name: str) -> tuple[str, str]:
    """Title and description of a page."""
    text = (project.root / f"{name}.md").read_text(encoding="utf-8")
    title, description = _TITLE.search(text), _DESCRIPTION.search(text)
    return _MARKUP.sub("", title["text"]), description["text"] if description else ""
