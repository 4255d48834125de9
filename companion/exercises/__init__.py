"""Exercises that check themselves: ``from companion import exercises as ex``.

>>> from companion import exercises as ex
>>> ex.check("causal-mask", None)
causal-mask: not attempted (1 point)
Fill in causal_mask, then run this cell again.

==================  =====================================================================
`ex.show`           the statement and the stub
`ex.check`          check an answer; says what is wrong and what to think about
`ex.hint`           the next hint
`ex.solution`       the solution, after an attempt
`ex.progress`       points so far
`ex.add_progress`   add a progress file, of the website or of another machine
`ex.report`         write a completion report
==================  =====================================================================

==================  =====================================================================
`learner`           these seven; `records` of what was done, `reports` on it
`judging`           is an answer right? `answers` that are values, `running` code with
                    `attempts`, `comparison` of `values`, `arguments` that go in
`browser`           checks in a page of the website, where Python runs in a Worker with
                    `integers` of a notebook
`verdict`           what a check found; `display` shows it
`exercise`          what an exercise is made of; `page`, `options`, `source` write it down
==================  =====================================================================

Solutions, cases and known wrong answers are in `companion.exercises.catalog`. Everyone can read
them there; ``companion grade`` therefore draws its cases from a secret seed.
"""

from typing import TYPE_CHECKING

from companion._faces import lazy

if TYPE_CHECKING:
    from companion.exercises.learner import (
        add_progress,
        check,
        hint,
        progress,
        report,
        show,
        solution,
    )

__all__ = ["add_progress", "check", "hint", "progress", "report", "show", "solution"]

__getattr__, __dir__ = lazy(
    __name__,
    {
        "learner": "add_progress check hint progress report show solution",
    },
)
