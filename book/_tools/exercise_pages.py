"""Write the pages with exercises from `companion.exercises.catalog`.

    python book/_tools/exercise_pages.py            write the pages and two files of data
    python book/_tools/exercise_pages.py --check    are they as the catalog has them?

Statement, stub, hints and solution of an exercise are in the catalog and nowhere else. Hints and
solution are folded on the website and left out of the notebook, where ``ex.hint`` and
``ex.solution`` show them. ``book/_data/exercises.json`` says which exercises belong to a page, so
that it links to them; ``book/_static/exercises/catalog.js`` says what scripts need to know.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from companion.exercises import catalog  # noqa: E402
from companion.exercises.exercise import (  # noqa: E402
    ChoiceExercise,
    Exercise,
    WordsExercise,
)

TITLES = {
    "gpt": "The GPT family",
    "training": "Training",
    "prompting": "Prompting",
    "open-models": "Open models",
    "applications": "Applications",
    "summary": "The whole book",
}

_HEAD = """\
---
jupytext:
  text_representation: {{extension: .md, format_name: myst}}
kernelspec: {{display_name: Python 3, language: python, name: python3}}
myst:
  html_meta: {{description: "{description}"}}
book:
  budget_seconds: 60
---

% Written by book/_tools/exercise_pages.py from companion/exercises/catalog. Change it there.

# Exercises: {title}

{count} exercises, {points} points, in the order of the pages. On the website, write your answer
into the page and press *Check*: it tries the answer on small cases and says what is wrong. In a
notebook, fill in a cell and run it and the one below it; `ex.hint("...")` gives a hint,
`ex.solution("...")` the solution after an attempt, `ex.progress()` your points.
{{doc}}`/book/start/how-to-use` has more on this. Both check with cases that everyone can read.
Who gives grades uses `companion grade`, which draws other cases from a secret.

```{{code-cell}} ipython3
{imports}from companion import exercises as ex
```
"""


def page_text(section: str) -> str:
    """Return the page of a section, in MyST."""
    exercises = catalog.of_section(section)
    imports = page_imports(section)
    head = _HEAD.format(
        title=TITLES[section],
        description=f"{len(exercises)} exercises, each checked by the page, with hints and "
        f"solutions. Section: {TITLES[section]}.",
        count=len(exercises),
        points=sum(exercise.points for exercise in exercises),
        imports=f"{imports}\n" * bool(imports),
    )
    return head + "".join(map(_exercise, exercises))


def links() -> str:
    """Return the exercises of each page as JSON: where they are, and their titles."""
    links_of: dict[str, list[dict[str, str]]] = {}
    for exercise in catalog.all_exercises():
        link = {"at": f"{exercise.section}/exercises", "anchor": anchor(exercise.id)}
        links_of.setdefault(exercise.page, []).append({**link, "title": exercise.title})
    return json.dumps(links_of, indent=1, ensure_ascii=False) + "\n"


def scripts_catalog() -> str:
    """Return what the scripts of the site need to know of the exercises, as a module."""
    places = catalog.places()
    facts_of = {
        exercise.id: {"place": places[exercise.id], **_facts(exercise)}
        for exercise in catalog.all_exercises()
    }
    facts = [f" {json.dumps(key)}: {json.dumps(facts)}," for key, facts in facts_of.items()]
    imports = [
        f" {json.dumps(section)}: {json.dumps(page_imports(section, heavy=('numpy',)))},"
        for section in catalog.CONTENTS
    ]
    return "\n".join(
        [
            "/* Written by book/_tools/exercise_pages.py from companion/exercises/catalog. */",
            "export const EXERCISES = {",
            *facts,
            "};",
            "/* What the first cell of a page imports, and the page can have. */",
            "export const IMPORTS = {",
            *imports,
            "};",
            "",
        ]
    )


def _facts(exercise: Exercise) -> dict[str, str | int | bool]:
    kind = type(exercise).__name__.removesuffix("Exercise").lower()
    facts = {"kind": kind, "variable": exercise.variable, "points": exercise.points}
    if "torch" in getattr(exercise, "uses", ()):
        facts["elsewhere"] = True  # there is no torch for browsers
    if isinstance(exercise, ChoiceExercise):
        facts["several"] = sum(option.right for option in exercise.options) > 1
    if isinstance(exercise, WordsExercise):
        facts["key_points"] = len(exercise.key_points)
    return facts


def page_imports(section: str, heavy: tuple[str, ...] = ("numpy", "torch")) -> str:
    """Return the lines of imports that the answers of a section need.

    Args:
        section: The section.
        heavy: Which of these two may be among them.
    """
    used = {
        name for exercise in catalog.of_section(section) for name in getattr(exercise, "uses", ())
    }
    plain = sorted(f"import {name}" for name in used - {"numpy", "torch"})
    lines = {"numpy": "import numpy as np", "torch": "import torch"}
    last = [lines[name] for name in heavy if name in used]
    return "\n".join((*plain, *[""] * bool(plain and last), *last))


def anchor(exercise_id: str) -> str:
    """Return the anchor of an exercise."""
    return f"ex-{exercise_id}"


def _exercise(exercise: Exercise) -> str:
    points = f"{exercise.points} point{'s' * (exercise.points > 1)}"
    parts = [
        f"({anchor(exercise.id)})=\n## {exercise.title}",
        f"*{exercise.difficulty.capitalize()}, about {exercise.minutes} minutes, {points}. "
        f"Belongs to {{doc}}`/book/{exercise.page}`.*",
        exercise.task(),
        _cell(exercise.stub()),
        _cell(f'ex.check("{exercise.id}", {exercise.variable})'),
    ]
    hints = "\n".join(f"{number}. {text}" for number, text in enumerate(exercise.hints, 1))
    parts += [_folded("Hints", hints), _folded("Solution", exercise.solution_text())]
    return "\n" + "\n\n".join(parts) + "\n"


def _cell(code: str) -> str:
    return f"```{{code-cell}} ipython3\n{code}\n```"


def _folded(title: str, text: str) -> str:
    return f"````{{dropdown}} {title}\n:class-container: site-only\n\n{text}\n````"


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Write or check the pages; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args(arguments)
    book, stale = root / "book", []
    files = {book / section / "exercises.md": page_text(section) for section in catalog.CONTENTS}
    files |= {book / "_data" / "exercises.json": links()}
    files |= {book / "_static" / "exercises" / "catalog.js": scripts_catalog()}
    for path, text in files.items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(str(path.relative_to(root)))
        if not options.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if options.check and stale:
        print(
            f"error: not as the catalog has it: {', '.join(stale)}\n"
            "run: python book/_tools/exercise_pages.py",
            file=sys.stderr,
        )
        return 1
    print(f"written: {', '.join(stale)}" if stale else "pages and catalog of exercises agree")
    return 0


if __name__ == "__main__":
    sys.exit(main())
