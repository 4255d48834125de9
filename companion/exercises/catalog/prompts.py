"""Exercises on prompts: a few-shot prompt, a template that data can't break."""

import random
import re
from collections.abc import Iterator

from companion.exercises.exercise import Case, CodeExercise, Wrong

# -- a few-shot prompt ----------------------------------------------------------------------------


def few_shot_prompt(question: str, examples: list[tuple[str, str]], instruction: str) -> str:
    r"""Write a few-shot prompt for a base model.

    An example is written as "Question: ...\nAnswer: ...". The question to be answered comes last
    and ends in "Answer:", with nothing behind it. The instruction, if there is one, the examples
    and the question are separated by one blank line each.

    Args:
        question: What to ask.
        examples: Pairs of question and answer, in the order in which they are shown. May be empty.
        instruction: What to do; "" for none.

    Returns:
        The prompt.
    """
    blocks = [instruction] if instruction else []
    blocks += [f"Question: {asked}\nAnswer: {answered}" for asked, answered in examples]
    blocks.append(f"Question: {question}\nAnswer:")
    return "\n\n".join(blocks)


def _trailing_space(question: str, examples: list[tuple[str, str]], instruction: str) -> str:
    return few_shot_prompt(question, examples, instruction) + " "


def _trailing_newline(question: str, examples: list[tuple[str, str]], instruction: str) -> str:
    return few_shot_prompt(question, examples, instruction) + "\n"


def _single_newlines(question: str, examples: list[tuple[str, str]], instruction: str) -> str:
    return few_shot_prompt(question, examples, instruction).replace("\n\n", "\n")


def _blank_instruction(question: str, examples: list[tuple[str, str]], instruction: str) -> str:
    return f"{instruction}\n\n" + few_shot_prompt(question, examples, "")


def _question_first(question: str, examples: list[tuple[str, str]], instruction: str) -> str:
    shown = [f"Question: {asked}\nAnswer: {answered}" for asked, answered in examples]
    head = [instruction] if instruction else []
    return "\n\n".join([*head, f"Question: {question}\nAnswer:", *shown])


def _few_shot_cases(rng: random.Random) -> Iterator[Case]:
    a, b, c, d = rng.sample(range(2, 60), 4)
    pairs = [(f"{a} + {b}", str(a + b)), (f"{b} + {c}", str(b + c))]
    ask = f"{c} + {d}"
    yield Case("two examples", (ask, pairs, "Add."), "What should the model's first token be?")
    yield Case("no instruction", (ask, pairs[:1], ""), "With which word does the prompt begin?")
    yield Case("no example", (ask, [], "Give a number."), "What is left of the prompt?")
    yield Case("the question alone", (ask, [], ""), "How many blank lines are needed?")


FEW_SHOT_PROMPT = CodeExercise(
    id="few-shot-prompt",
    title="Write a few-shot prompt",
    section="prompting",
    page="prompting/few-shot",
    difficulty="easy",
    minutes=8,
    statement=(
        "A base model continues text. Write a prompt whose natural continuation is the answer: an "
        "instruction, some solved examples, and the open question."
    ),
    hints=(
        "Collect the blocks in a list and join them at the end.",
        "The last block looks like an example without its answer.",
        'Join with "\\n\\n". An empty instruction is no block at all.',
    ),
    solution=few_shot_prompt,
    cases=_few_shot_cases,
    wrong=(
        Wrong(
            _trailing_space,
            "The prompt ends in a space. Most tokenizers put the space into the token of the next "
            'word (" Paris"), so the model would have to continue from a place it seldom saw.',
        ),
        Wrong(
            _trailing_newline,
            "A line break follows the last label. In the examples the answer stands on the same "
            "line, so the model would have to leave the pattern.",
        ),
        Wrong(
            _single_newlines,
            "The blocks are not separated by blank lines. The blank line shows where an example "
            "ends, and gives you a place to stop generation.",
        ),
        Wrong(
            _blank_instruction,
            "Without an instruction the prompt begins with blank lines. Leave the block out.",
        ),
        Wrong(
            _question_first,
            "The open question comes before the examples, so the prompt ends with somebody else's "
            "answer. What is to be continued has to stand last.",
        ),
    ),
)

# -- a template that data can't break -------------------------------------------------------------


def fill_template(template: str, values: dict[str, str]) -> str:
    """Replace every {name} of a template by its value.

    Values are data and are put in as they are, whatever braces, names or backslashes they
    contain. Braces of the template that hold no plain name, as in JSON, stay.

    Args:
        template: Text with fields such as {question}. A name consists of letters, digits and _.
        values: One text per name. Left-over values are no error.

    Returns:
        The text.

    Raises:
        ValueError: If a field of the template has no value.
    """

    def value_of(field: re.Match) -> str:
        if field.group(1) not in values:
            raise ValueError(f"no value for {field.group(0)}")
        return values[field.group(1)]

    return re.sub(r"\{(\w+)\}", value_of, template)


def _fill_in_turn(template: str, values: dict[str, str]) -> str:
    """Replace every {name} of a template by its value.

    Values are data and are put in as they are, whatever braces, names or backslashes they
    contain. Braces of the template that hold no plain name, as in JSON, stay.

    Args:
        template: Text with fields such as {question}. A name consists of letters, digits and _.
        values: One text per name. Left-over values are no error.

    Returns:
        The text.

    Raises:
        ValueError: If a field of the template has no value.
    """
    for name, value in values.items():
        template = template.replace("{" + name + "}", value)
    if re.search(r"\{\w+\}", template):
        raise ValueError("a field has no value")
    return template


def _with_format(template: str, values: dict[str, str]) -> str:
    try:
        return template.format(**values)
    except (KeyError, IndexError) as error:
        raise ValueError(str(error)) from error


def _braces_removed(template: str, values: dict[str, str]) -> str:
    cleaned = {name: re.sub(r"[{}]", "", value) for name, value in values.items()}
    return fill_template(template, cleaned)


def _missing_left_empty(template: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda field: values.get(field.group(1), ""), template)


def _missing_left_open(template: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m.group(1), m.group(0)), template)


def _still_in_turn(template: str, values: dict[str, str]) -> str:
    missing = set(re.findall(r"\{(\w+)\}", template)) - set(values)
    if missing:
        raise ValueError(f"no value for {missing}")
    for name, value in values.items():
        template = template.replace("{" + name + "}", value)
    return template


def _template_cases(rng: random.Random) -> Iterator[Case]:
    word, number = rng.choice(["apple", "river", "lamp", "stone"]), rng.randint(100, 999)
    ask = "Text: {text}\nQuestion: {question}"
    plain = {"text": f"The {word} is old.", "question": f"What is old? {number}"}
    yield Case("two fields", (ask, plain), "Both fields once. This one should pass from the start.")
    attack = {"text": "{question}", "question": f"{word} {number}"}
    yield Case("data that names a field", (ask, attack), "Who wrote {question}: you or a user?")
    code = {"text": f"f'{{x}}' for C:\\new{number}", "question": "What does it print?"}
    yield Case("code as data", (ask, code), "May a value contain braces and backslashes?")
    form = 'Answer as {"label": "..."}.\n{text}'
    yield Case("JSON in the template", (form, plain), "Is every brace a field?")
    gap = {"text": f"{word} {number}"}
    think = "What would a model do with the gap?"
    yield Case("a value is missing", (ask, gap), think, refused=True)


FILL_TEMPLATE = CodeExercise(
    id="fix-the-template",
    title="Fix the bug: a template that reads its data",
    section="prompting",
    page="prompting/prompt-design",
    difficulty="medium",
    minutes=15,
    statement=(
        "This function fills a prompt template. A user finds that the text `{question}`, sent as "
        "data, is replaced too, and that code with braces raises an error. Find the reason, and "
        "mend the function."
    ),
    hints=(
        "The loop replaces in turn. What does the second round read: the template, or the template "
        "with the first value in it?",
        "Go through the template once, and never look at what was put in. `re.sub` does that.",
        "`re.sub(pattern, function, template)` calls the function with each match and puts in what "
        "it returns, as it is. `match.group(1)` is the name; raise ValueError if it has no value.",
    ),
    solution=fill_template,
    start=_fill_in_turn,
    cases=_template_cases,
    wrong=(
        Wrong(
            _with_format,
            "`str.format` reads each brace of the template as a field, so JSON in a prompt breaks "
            "it. (With fields such as {user.password} it also reads attributes.)",
        ),
        Wrong(
            _braces_removed,
            "Braces are removed from the data. That stops the replacement, and damages every value "
            "that is code. Don't clean the data; don't read it.",
        ),
        Wrong(
            _missing_left_empty,
            "A missing value becomes an empty text. The prompt then has a silent hole; raise "
            "ValueError instead.",
        ),
        Wrong(
            _missing_left_open,
            "A field without a value stays in the prompt as {name}. Nobody notices until the model "
            "answers oddly; raise ValueError instead.",
        ),
        Wrong(
            _still_in_turn,
            "The check is in the right place now, but the values are still replaced in turn, so a "
            "value that contains {question} is filled in as well. Go through the template once.",
        ),
    ),
    uses=("re",),
)

EXERCISES = (FEW_SHOT_PROMPT, FILL_TEMPLATE)
