"""How exercises are written: the page that they belong to, and each answer beside its message.

    page = Page("sampling", __name__)

    exercise = page.exercise(
        title="Half",
        difficulty="easy",
        minutes=2,
        statement="Halve a number.",
        hints=("What times 2 is the number?", "`/` divides."),
    )


    @exercise.solution
    def half(number: float) -> float:
        ...


    @exercise.cases
    def _half_cases(rng: Random) -> Cases:
        yield Case("a large number", (rng.randint(100, 999),), "What is half of it?")


    @exercise.mistake("That is the double: you multiplied.")
    def _double(number: float) -> float:
        return 2 * number

Every decorator returns what it decorates, so that mistakes can call the solution.
"""

import inspect
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, TypeVar

from companion.exercises.exercise import (
    Cases,
    ChoiceExercise,
    CodeExercise,
    Difficulty,
    Exercise,
    NumericExercise,
    OutputExercise,
    WordsExercise,
    Wrong,
)
from companion.exercises.options import Option, read_options
from companion.exercises.source import prose

F = TypeVar("F", bound=Callable[..., Any])
Draw = Callable[[Random], Cases]


class Page:
    """The exercises of a module, in the order in which they are written.

    Args:
        name: Name of the page that they belong to, such as ``"sampling"``.
        module: ``__name__`` of the module. The folder that it is in is the section of the book.
    """

    def __init__(self, name: str, module: str) -> None:
        self.section = module.split(".")[-2].replace("_", "-")
        self.name = f"{self.section}/{name}"
        self._drafts: list[NewExercise] = []

    def exercise(
        self,
        *,
        title: str,
        difficulty: Difficulty,
        minutes: int,
        statement: str,
        hints: tuple[str, ...],
        id: str = "",
        tolerance: float | None = None,
        keep: tuple[str, ...] = (),
    ) -> "NewExercise":
        """Begin an exercise.

        Args:
            title: A few words.
            difficulty: ``"easy"``, ``"medium"`` or ``"hard"``, worth 1, 2 or 4 points.
            minutes: Time that it takes, about.
            statement: What to do, in Markdown. Lines of a paragraph are joined.
            hints: Two or three, from a nudge to nearly there.
            id: Its name in ``ex.check("...")``. Without it, that of the function which gives the
                answer, with hyphens.
            tolerance: Of code and numbers; see `CodeExercise` and `NumericExercise`.
            keep: Methods of a class that the stub shows complete.
        """
        settings = {"tolerance": tolerance, "keep": keep}
        draft = NewExercise(
            id,
            section=self.section,
            page=self.name,
            title=title,
            difficulty=difficulty,
            minutes=minutes,
            statement=prose(statement),
            hints=hints,
            **{name: value for name, value in settings.items() if value},
        )
        self._drafts.append(draft)
        return draft

    @property
    def exercises(self) -> dict[str, Exercise]:
        """The exercises by their ids.

        Raises:
            ValueError: If one is not complete, or two have the same id.
        """
        finished = [draft.finished() for draft in self._drafts]
        by_id = {exercise.id: exercise for exercise in finished}
        if len(by_id) < len(finished):
            raise ValueError(f"page {self.name}: two exercises have one id: {list(by_id)}")
        return by_id


class NewExercise:
    """An exercise that is being written; how its answer is given makes it one of five kinds.

    =================================  =======================================================
    `solution`, `cases`, `mistake`     write a function or a class; rarely `run` and `start` too
    `number`, `output`                 give a number, predict what a program prints
    `choice`, `words`                  choose options, explain in your own words
    =================================  =======================================================
    """

    def __init__(self, id: str, **fields: Any) -> None:
        self.id = id
        self._fields = fields
        self._kind: type[Exercise] | None = None
        self._wrong: list[Wrong] = []

    def solution(self, answer: F) -> F:
        """Take a function or class as the solution. Its docstring tells learners what to write."""
        return self._answer(CodeExercise, answer, solution=answer)

    def cases(self, draw: Draw) -> Draw:
        """Take the function that draws the cases, ``draw(rng)``."""
        self._fields["cases"] = draw
        return draw

    def run(self, call: F) -> F:
        """Take the function that exercises an answer, in place of ``answer(*args)``."""
        self._fields["run"] = call
        return call

    def start(self, answer: F) -> F:
        """Take code with a bug, whose body the stub shows below the solution's docstring."""
        self._fields["start"] = answer
        return answer

    def mistake(self, message: str, *, fatal: str = "") -> Callable[[F], F]:
        """Take a wrong answer that people give.

        Args:
            message: What is wrong, said to somebody who gave this answer.
            fatal: See `Wrong`.

        Raises:
            ValueError: If there is no message.
        """
        if not isinstance(message, str) or not message.strip():
            raise ValueError('say what is wrong: @exercise.mistake("You multiplied.")')

        def keep(answer: F) -> F:
            self._wrong.append(Wrong(answer, message, fatal))
            return answer

        return keep

    def number(self, unit: str, mistakes: Mapping[float, str]) -> Callable[[F], F]:
        """Take the function that computes the number.

        Args:
            unit: What it is counted in.
            mistakes: Wrong numbers, each with what is said to somebody who gave it.
        """
        self._wrong = [Wrong(*pair) for pair in mistakes.items()]
        return lambda compute: self._answer(NumericExercise, compute, compute=compute, unit=unit)

    def output(self, why: str, mistakes: Mapping[str, str], prints: str = "") -> Callable[[F], F]:
        """Take the program whose output is to be predicted, the body of a function.

        Args:
            why: Explains the output.
            mistakes: Wrong predictions, each with what is said to somebody who gave it.
            prints: The output, if the program needs torch; see `OutputExercise`.
        """
        self._wrong = [Wrong(*pair) for pair in mistakes.items()]
        return lambda program: self._answer(
            OutputExercise, program, program=program, why=why, prints=prints
        )

    def choice(self, options: str) -> None:
        """Take options to choose from, written as `companion.exercises.options` shows."""
        self._kind = ChoiceExercise
        self._fields["options"] = tuple(
            Option(prose(option.text), option.right, prose(option.why))
            for option in read_options(inspect.cleandoc(options).splitlines(), self.id)
        )

    def words(self, *, key_points: tuple[str, ...], sample: str, least_words: int = 25) -> None:
        """Take what a text is held against; see `WordsExercise`."""
        self._kind = WordsExercise
        self._fields |= {
            "key_points": key_points,
            "sample": prose(sample),
            "least_words": least_words,
        }

    def _answer(self, kind: type[Exercise], answer: F, **fields: Any) -> F:
        self.id = self.id or answer.__name__.strip("_").replace("_", "-")
        self._kind = kind
        self._fields |= fields
        return answer

    def finished(self) -> Exercise:
        """Return the exercise.

        Raises:
            ValueError: If something is missing.
        """
        name = self.id or self._fields["title"]
        if self._kind is None or not self.id:
            raise ValueError(f"{name}: say what the answer is, and name it by a function or an id")
        if self._kind is CodeExercise and "cases" not in self._fields:
            raise ValueError(f"{name}: draw some cases, in a function below @exercise.cases")
        if self._kind not in (ChoiceExercise, WordsExercise):
            return self._kind(id=self.id, **self._fields, wrong=tuple(self._wrong))
        if self._wrong:
            raise ValueError(f"{name}: the mistakes of a choice are its options, words have none")
        return self._kind(id=self.id, **self._fields)
