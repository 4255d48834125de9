"""What an exercise is made of: statement, stub, hints, solution, cases in one object.

The *solution* is the source: the stub is the solution without its bodies, expected values are what
it returns, and each known wrong answer is code too, with a message for whoever behaves like it.
"""

import contextlib
import io
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from companion.exercises import source
from companion.exercises.options import LETTERS, Option

Difficulty = Literal["easy", "medium", "hard"]
POINTS = {"easy": 1, "medium": 2, "hard": 4}


@dataclass(frozen=True)
class Case:
    """One call of the learner's function.

    Args:
        name: What is special about it, in a few words: ``"a tie"``, ``"a batch of two"``.
        args: Arguments: plain values, NumPy arrays or torch tensors. Each call gets a copy.
        think: What to think about if it fails; a question rather than an answer.
        refused: Whether the right answer is to raise a ValueError.
    """

    name: str
    args: tuple[Any, ...]
    think: str
    refused: bool = False


Cases = Iterator[Case]  # what a function that draws them returns


@dataclass(frozen=True)
class Wrong:
    """A known wrong answer.

    Args:
        answer: Code that is wrong in this way, or the wrong value.
        message: What is wrong, said to somebody who gave this answer.
        fatal: What ``run`` returns for this mistake alone; then the whole answer earns nothing.
    """

    answer: Any
    message: str
    fatal: str = ""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """What all kinds have in common.

    Args:
        id: Name in ``ex.check("...")``: lower case, words joined by hyphens.
        title: A few words.
        section: Folder of the book's section, such as ``"gpt"``.
        page: Page that it belongs to, such as ``"gpt/sampling"``.
        difficulty: ``"easy"``, ``"medium"`` or ``"hard"``, worth 1, 2 or 4 points.
        minutes: Time that it takes, about.
        statement: What to do, in Markdown.
        hints: Two or three, from a nudge to nearly there.
    """

    id: str
    title: str
    section: str
    page: str
    difficulty: Difficulty
    minutes: int
    statement: str
    hints: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check what a slip of the author would break."""
        if self.difficulty not in POINTS:
            raise ValueError(f"{self.id}: difficulty must be one of {list(POINTS)}")
        if len(self.hints) < 2:
            raise ValueError(f"{self.id}: needs at least two hints, got {len(self.hints)}")

    @property
    def points(self) -> int:
        """Points for a complete answer."""
        return POINTS[self.difficulty]

    @property
    def variable(self) -> str:
        """Name of the function, class or variable that holds the answer."""
        return self.id.replace("-", "_")

    def task(self) -> str:
        """Return what to do, in Markdown, with all that is shown before the answer."""
        return self.statement.strip()

    def stub(self) -> str:
        """Return the code that a learner starts from."""
        raise NotImplementedError

    def solution_text(self) -> str:
        """Return the solution in Markdown."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class CodeExercise(Exercise):
    """Write a function or a class; or, with ``start``, mend one.

    Args:
        solution: The function or class, with the docstring that the learner sees.
        cases: ``cases(rng)`` yields `Case` objects. The notebook draws them with a fixed seed,
            ``companion grade`` with a secret one: at most one in five may be the same for all.
        wrong: Known wrong answers, each a function or class that takes the solution's place.
        run: ``run(answer, *args)`` exercises the answer and returns plain values; without it,
            ``answer(*args)``. It is sent into the sandbox as text, so it imports what it needs.
        keep: Methods of a class that the stub shows complete.
        start: A function with a bug, whose body the stub shows below the solution's docstring.
        tolerance: See `companion.exercises.comparison.difference`.
        seconds: Time limit for all cases together.
    """

    solution: Callable[..., Any]
    cases: Callable[[random.Random], Iterable[Case]]
    wrong: tuple[Wrong, ...]
    run: Callable[..., Any] | None = None
    keep: tuple[str, ...] = ()
    start: Callable[..., Any] | None = None
    tolerance: float = 1e-4
    seconds: float = 2.0

    @property
    def variable(self) -> str:
        """Name of the function or class."""
        return self.solution.__name__

    @property
    def uses(self) -> tuple[str, ...]:
        """Modules that an answer needs: those that the solution uses."""
        return source.imported(self.solution)

    def imports(self) -> str:
        """Return the lines of imports that the answer needs."""
        names = [f"import {name}" for name in self.uses if name != "numpy"]
        return "\n".join(sorted(names) + ["import numpy as np"] * ("numpy" in self.uses))

    def stub(self) -> str:
        """Return the code that a learner starts from."""
        if self.start is not None:
            return source.started(self.solution, self.start)
        return source.stub(self.solution, self.id, self.keep)

    def solution_text(self) -> str:
        """Return the solution in Markdown."""
        return f"```python\n{source.code(self.solution)}\n```"

    def draw(self, seed: int | str) -> list[Case]:
        """Return the cases of a seed."""
        return list(self.cases(random.Random(f"{self.id}/{seed}")))


@dataclass(frozen=True, kw_only=True)
class NumericExercise(Exercise):
    """Give a number.

    Args:
        compute: Computes the right one, and shows how.
        unit: What it is counted in; shown with the stub.
        wrong: Known wrong numbers.
        tolerance: Largest relative difference.
    """

    compute: Callable[[], float]
    unit: str
    wrong: tuple[Wrong, ...]
    tolerance: float = 1e-3

    def stub(self) -> str:
        """Return the code that a learner starts from."""
        return f"{self.variable} = None  # {self.unit}"

    def solution_text(self) -> str:
        """Return the computation in Markdown, as one would type it, with its result."""
        result = f"{self.compute():,.6g} {self.unit}"
        return f"{result}:\n\n```python\n{source.assigned(self.compute, self.variable)}\n```"


@dataclass(frozen=True, kw_only=True)
class ChoiceExercise(Exercise):
    """Choose one option, or several. Options are lettered from a."""

    options: tuple[Option, ...]

    def __post_init__(self) -> None:
        """Check that there is something to choose."""
        super().__post_init__()
        if not 3 <= len(self.options) <= 8 or not any(option.right for option in self.options):
            raise ValueError(f"{self.id}: needs 3 to 8 options, at least one of them right")

    @property
    def letters(self) -> dict[str, Option]:
        """The options by their letters."""
        return dict(zip(LETTERS, self.options))  # noqa: B905, there are more letters than options

    def task(self) -> str:
        """Return what to do, with the options and their letters."""
        options = [f"- **{letter}**: {option.text}" for letter, option in self.letters.items()]
        return "\n".join([super().task(), "", *options])

    def stub(self) -> str:
        """Return the code that a learner starts from."""
        several = sum(option.right for option in self.options) > 1
        example = 'letters of all that hold, such as "bd"' if several else 'such as "b"'
        return f"{self.variable} = None  # {example}"

    def solution_text(self) -> str:
        """Return every option with its explanation, in Markdown."""
        return "\n".join(
            f"- **{letter}** ({'right' if option.right else 'wrong'}): {option.why}"
            for letter, option in self.letters.items()
        )


@dataclass(frozen=True, kw_only=True)
class OutputExercise(Exercise):
    """Predict what a program prints.

    Args:
        program: A function without arguments; its body is shown, and run for the answer.
        why: Explains the output.
        wrong: Known wrong predictions.
        prints: What it prints, where it needs a library that the page has not: then only the
            tests run it.
    """

    program: Callable[[], None]
    why: str
    wrong: tuple[Wrong, ...]
    prints: str = ""

    def output(self) -> str:
        """Return what the program prints."""
        return self.prints or self.run()

    def run(self) -> str:
        """Run the program, and return what it printed."""
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            self.program()
        return printed.getvalue().strip()

    def task(self) -> str:
        """Return what to do, with the program."""
        return f"{super().task()}\n\n```python\n{source.body(self.program)}\n```"

    def stub(self) -> str:
        """Return the code that a learner starts from."""
        return f'{self.variable} = None  # what it prints, as text: "..."'

    def solution_text(self) -> str:
        """Return output and explanation in Markdown."""
        return f"```text\n{self.output()}\n```\n\n{self.why}"


@dataclass(frozen=True, kw_only=True)
class WordsExercise(Exercise):
    """Explain in your own words; assessed by the learner against key points.

    Args:
        key_points: What a complete answer says, one sentence each.
        sample: A sample answer, shown after an attempt.
        least_words: A shorter text is no attempt.
    """

    key_points: tuple[str, ...]
    sample: str
    least_words: int = 25

    def stub(self) -> str:
        """Return the code that a learner starts from."""
        return f'{self.variable} = """\n"""'

    def solution_text(self) -> str:
        """Return key points and sample answer in Markdown."""
        points = "\n".join(f"{number}. {text}" for number, text in enumerate(self.key_points, 1))
        return f"A complete answer says:\n\n{points}\n\nFor example: {self.sample}"
