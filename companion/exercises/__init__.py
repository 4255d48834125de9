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
`ex.report`         write a completion report
==================  =====================================================================

Solutions, cases and known wrong answers are in `companion.exercises.catalog`. Everyone can read
them there; ``companion grade`` therefore draws its cases from a secret seed.
"""

from companion.exercises.learner import check, hint, progress, report, show, solution

__all__ = ["check", "hint", "progress", "report", "show", "solution"]
