"""Build prompts as plain text: templates with variables, zero-shot, few-shot, chain of thought.

A base model continues text, so each prompt is a text whose natural continuation is the answer: it
ends in the label of the output ("Answer:"). For a chat model, put the text into a user message.

Left out: choosing examples by similarity to the question, and fitting prompts to a context.
"""

from collections.abc import Sequence
from string import Formatter

from companion.errors import PromptError
from companion.phrases import CONCLUSION, TRIGGER


def fill(template: str, /, **values: object) -> str:
    """Replace every ``{name}`` of a template by its value.

    Stricter than ``str.format``: names only. A field such as ``{user.password}`` could read what
    the author of the template has no business with. Write ``{{`` and ``}}`` for braces. Values
    are put in as they are, braces included. Taught in :doc:`/book/prompting/prompt-design`.

    Args:
        template: Text with ``{name}`` fields.
        **values: One value for each name.

    Returns:
        The text.

    Raises:
        PromptError: If a value is missing or left over, or a field is more than a name.

    Example:
        >>> fill("Translate into {language}: {text}", language="French", text="{hello}")
        'Translate into French: {hello}'
    """
    pieces = _parse(template)
    names = list(dict.fromkeys(name for _, name in pieces if name is not None))
    missing = [name for name in names if name not in values]
    extra = [name for name in values if name not in names]
    if missing or extra:
        wrong = [f"no value for {name!r}" for name in missing]
        wrong += [f"a value for {name!r}, which it does not have" for name in extra]
        raise PromptError(
            f"the template got {' and '.join(wrong)}. Its variables: {', '.join(names) or 'none'}."
        )
    return "".join(text if name is None else text + str(values[name]) for text, name in pieces)


def zero_shot(
    question: str,
    *,
    instruction: str = "",
    input_label: str = "Question",
    output_label: str = "Answer",
) -> str:
    """Ask without an example. Taught in :doc:`/book/prompting/few-shot`.

    Args:
        question: What to ask.
        instruction: What to do, on top; left out if empty.
        input_label: Word before the question; none if empty.
        output_label: Word before the answer; none if empty.

    Returns:
        A prompt that ends where the answer begins.

    Raises:
        PromptError: If the question is empty.

    Example:
        >>> print(zero_shot("What is 2 + 3?"))
        Question: What is 2 + 3?
        Answer:
    """
    return _head(instruction) + _block(question, None, input_label, output_label)


def few_shot(
    question: str,
    examples: Sequence[tuple[str, str]],
    *,
    instruction: str = "",
    input_label: str = "Question",
    output_label: str = "Answer",
    separator: str = "\n\n",
) -> str:
    """Ask after some solved examples (Brown et al. 2020, https://arxiv.org/abs/2005.14165).

    Taught in :doc:`/book/prompting/few-shot`.

    Args:
        question: What to ask.
        examples: Pairs of input and output, at least one, in the order they are shown.
        instruction: What to do, on top; left out if empty.
        input_label: Word before each input; none if empty.
        output_label: Word before each output; none if empty.
        separator: What is put between two examples.

    Returns:
        A prompt that ends where the answer begins.

    Raises:
        PromptError: If there is no example, or one is not a pair of texts, or a text is empty.

    Example:
        >>> print(few_shot("dog", [("cat", "c")], input_label="Input", output_label="Output"))
        Input: cat
        Output: c
        <BLANKLINE>
        Input: dog
        Output:
    """
    _check_examples(examples, ("input", "output"), "zero_shot")
    blocks = [_block(given, wanted, input_label, output_label) for given, wanted in examples]
    blocks.append(_block(question, None, input_label, output_label))
    return _head(instruction) + separator.join(blocks)


def chain_of_thought(
    question: str,
    examples: Sequence[tuple[str, str, str]],
    *,
    instruction: str = "",
    input_label: str = "Question",
    output_label: str = "Answer",
    separator: str = "\n\n",
    conclusion: str = CONCLUSION,
) -> str:
    """Ask after examples that show their reasoning (Wei et al. 2022).

    Each output is the reasoning, then ``conclusion`` and the answer, so that the answer can be
    found again in what the model writes. https://arxiv.org/abs/2201.11903. Taught in
    :doc:`/book/prompting/chain-of-thought`.

    Args:
        question: What to ask.
        examples: Triples of question, reasoning and answer, at least one.
        instruction: What to do, on top; left out if empty.
        input_label: Word before each question; none if empty.
        output_label: Word before each answer; none if empty.
        separator: What is put between two examples.
        conclusion: Words before the final answer.

    Returns:
        A prompt that ends where the reasoning begins.

    Raises:
        PromptError: If there is no example, or one is not a triple of texts, or a text is empty.

    Example:
        >>> print(chain_of_thought("What is 3 + 4 + 5?", [("What is 1 + 2 + 3?",
        ...     "1 + 2 = 3. 3 + 3 = 6.", "6")]))
        Question: What is 1 + 2 + 3?
        Answer: 1 + 2 = 3. 3 + 3 = 6. The answer is 6.
        <BLANKLINE>
        Question: What is 3 + 4 + 5?
        Answer:
    """
    _check_examples(examples, ("question", "reasoning", "answer"), "step_by_step")
    pairs = [(q, f"{reasoning} {conclusion} {answer}.") for q, reasoning, answer in examples]
    return few_shot(
        question,
        pairs,
        instruction=instruction,
        input_label=input_label,
        output_label=output_label,
        separator=separator,
    )


def step_by_step(
    question: str,
    *,
    trigger: str = TRIGGER,
    instruction: str = "",
    input_label: str = "Question",
    output_label: str = "Answer",
) -> str:
    """Ask for reasoning by a sentence instead of examples: zero-shot chain of thought.

    https://arxiv.org/abs/2205.11916. Taught in :doc:`/book/prompting/chain-of-thought`.

    Args:
        question: What to ask.
        trigger: Sentence with which the answer begins.
        instruction: What to do, on top; left out if empty.
        input_label: Word before the question; none if empty.
        output_label: Word before the answer; none if empty.

    Returns:
        A prompt that ends where the reasoning goes on.

    Raises:
        PromptError: If the question or the trigger is empty.

    Example:
        >>> print(step_by_step("What is 1 + 2 + 3?"))
        Question: What is 1 + 2 + 3?
        Answer: Let's think step by step.
    """
    _check_text(trigger, "trigger")
    asked = zero_shot(
        question, instruction=instruction, input_label=input_label, output_label=output_label
    )
    return f"{asked} {trigger}" if output_label else f"{asked}{trigger}"


def _parse(template: str) -> list[tuple[str, str | None]]:
    """Split a template into pairs of text and the name after it (None at the end)."""
    try:
        fields = list(Formatter().parse(template))
    except ValueError as error:
        raise PromptError(
            f"the template can't be read: {error}. Write {{{{ and }}}} for braces."
        ) from error
    for _, name, form, conversion in fields:
        if name is not None and (not name.isidentifier() or form or conversion):
            shown = name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            raise PromptError(
                f"the template has the field {{{shown}}}; only plain names such as {{question}} "
                "are allowed. Write {{ and }} for braces."
            )
    return [(text, name) for text, name, _, _ in fields]


def _block(given: str, wanted: str | None, input_label: str, output_label: str) -> str:
    """Write one input and its output, or the place where the output will go."""
    _check_text(given, "question")
    first = f"{input_label}: {given}" if input_label else given
    second = f"{output_label}:" if output_label else ""
    if wanted is None:
        return f"{first}\n{second}"
    return f"{first}\n{second} {wanted}" if output_label else f"{first}\n{wanted}"


def _head(instruction: str) -> str:
    return f"{instruction}\n\n" if instruction else ""


def _check_examples(examples: Sequence[tuple], parts: tuple[str, ...], without: str) -> None:
    if not examples:
        raise PromptError(f"no examples given. To ask without any, use {without}.")
    for index, example in enumerate(examples):
        if isinstance(example, str) or len(example) != len(parts):
            raise PromptError(f"example {index} must be ({', '.join(parts)}), got {example!r}")
        for part, text in zip(parts, example, strict=True):
            _check_text(text, f"{part} of example {index}")


def _check_text(text: str, name: str) -> None:
    if not isinstance(text, str) or not text.strip():
        raise PromptError(f"the {name} must be a text that is not empty, got {text!r}")
