"""Exercises: a template that data can't break, a chat prompt."""

import re
from random import Random

from companion.exercises.exercise import Case, Cases
from companion.exercises.page import Page

page = Page("prompt-design", __name__)

exercise = page.exercise(
    id="fix-the-template",
    title="Fix the bug: a template that reads its data",
    difficulty="medium",
    minutes=15,
    statement="""
    This function fills a prompt template. A user finds that the text `{question}`, sent as data, is
    replaced too, and that code with braces raises an error. Find the reason, and mend the function.
    """,
    hints=(
        "The loop replaces in turn. What does the second round read: the template, or the template "
        "with the first value in it?",
        "Go through the template once, and never look at what was put in. `re.sub` does that.",
        "`re.sub(pattern, function, template)` calls the function with each match and puts in what "
        "it returns, as it is. `match.group(1)` is the name; raise ValueError if it has no value.",
    ),
)


@exercise.solution
def fill_template(template: str, values: dict[str, str]) -> str:
    """Replace every {name} of a template by its value.

    Values are data and are put in as they are, whatever braces, names or
    backslashes they contain. Braces of the template that hold no plain name, as
    in JSON, stay.

    Args:
        template: Text with fields such as {question}. A name consists of
        letters, digits and _.
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


@exercise.start
def _fill_in_turn(template: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        template = template.replace("{" + name + "}", value)
    if re.search(r"\{\w+\}", template):
        raise ValueError("a field has no value")
    return template


@exercise.cases
def _template_cases(rng: Random) -> Cases:
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
    numbered = "{note_1}, {note_2}, and again {note_1}"
    notes = {"note_1": f"the {word}", "note_2": str(number)}
    yield Case("names with digits", (numbered, notes), "What does a name consist of? Read Args.")
    gap = {"text": f"{word} {number}"}
    think = "What would a model do with the gap?"
    yield Case("a value is missing", (ask, gap), think, refused=True)


@exercise.mistake(
    "`str.format` reads each brace of the template as a field, so JSON in a prompt breaks it. "
    "(With fields such as {user.password} it also reads attributes.)"
)
def _with_format(template: str, values: dict[str, str]) -> str:
    try:
        return template.format(**values)
    except (KeyError, IndexError) as error:
        raise ValueError(str(error)) from error


@exercise.mistake(
    "Braces are removed from the data. That stops the replacement, and damages every value that is "
    "code. Don't clean the data; don't read it."
)
def _braces_removed(template: str, values: dict[str, str]) -> str:
    cleaned = {name: re.sub(r"[{}]", "", value) for name, value in values.items()}
    return fill_template(template, cleaned)


@exercise.mistake(
    "A missing value becomes an empty text. The prompt then has a silent hole; raise ValueError "
    "instead."
)
def _missing_left_empty(template: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda field: values.get(field.group(1), ""), template)


@exercise.mistake(
    "A field without a value stays in the prompt as {name}. Nobody notices until the model answers "
    "oddly; raise ValueError instead."
)
def _missing_left_open(template: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda m: values.get(m.group(1), m.group(0)), template)


@exercise.mistake(
    "The check is in the right place now, but the values are still replaced in turn, so a value "
    "that contains {question} is filled in as well. Go through the template once."
)
def _still_in_turn(template: str, values: dict[str, str]) -> str:
    missing = set(re.findall(r"\{(\w+)\}", template)) - set(values)
    if missing:
        raise ValueError(f"no value for {missing}")
    for name, value in values.items():
        template = template.replace("{" + name + "}", value)
    return template


@exercise.mistake(
    "Fields with digits or _ in their name stay in the prompt. A name consists of letters, digits "
    "and _: `\\w` stands for one of these."
)
def _letters_only(template: str, values: dict[str, str]) -> str:
    hidden = re.sub(r"\{(\w*[\d_]\w*)\}", "\0\\1\1", template)
    return fill_template(hidden, values).replace("\0", "{").replace("\1", "}")


exercise = page.exercise(
    title="From messages to a prompt",
    difficulty="easy",
    minutes=10,
    statement="""
    A chat model reads one text too. A chat template writes the messages of a conversation into it,
    with marks around every turn. Write the template of the pocket models.
    """,
    hints=(
        "One f-string per message, all of them joined.",
        "The model should write an answer and not another question: what has to stand at the end?",
        "Check the role of each message, and the role of the last one, and raise ValueError.",
    ),
)


@exercise.solution
def chat_prompt(messages: list[dict[str, str]]) -> str:
    r"""Write a conversation as the text that a chat model continues.

    Each message becomes "<|role|>\ncontent<|end|>\n", with its role in place of
    the word role. Behind the last one the assistant's turn is opened:
    "<|assistant|>\n".

    Args:
        messages: Dicts with "role" and "content". Roles are "system", "user"
        and "assistant".

    Returns:
        The prompt.

    Raises:
        ValueError: If a role is unknown, or if the last message is the
            assistant's, so that there is nothing to answer.
    """
    prompt = ""
    for message in messages:
        if message["role"] not in ("system", "user", "assistant"):
            raise ValueError(f"unknown role {message['role']!r}")
        prompt += f"<|{message['role']}|>\n{message['content']}<|end|>\n"
    if messages[-1]["role"] == "assistant":
        raise ValueError("the last message is the assistant's: nothing to answer")
    return prompt + "<|assistant|>\n"


@exercise.cases
def _chat_cases(rng: Random) -> Cases:
    name = rng.choice(["Mia", "Tom", "Anna", "Ben"]) + f" {rng.randint(10, 99)}"
    ask = {"role": "user", "content": f"I am {name}."}
    system = {"role": "system", "content": "Answer briefly."}
    reply = {"role": "assistant", "content": "Hello!"}
    more = {"role": "user", "content": "Who am I?"}
    yield Case("one message", ([ask],), "Where should the model go on writing?")
    yield Case("a system message", ([system, ask],), "Is every message in the prompt?")
    yield Case("two turns", ([ask, reply, more],), "What does the model know without the history?")
    other = [{**ask, "role": "human"}]
    yield Case("an unknown role", (other,), "Was `<|human|>` trained?", refused=True)
    early = [*other, more]
    yield Case("an unknown role, earlier", (early,), "Which messages do you check?", refused=True)
    over = [ask, reply]
    yield Case("the assistant spoke last", (over,), "Is there anything to answer?", refused=True)


@exercise.mistake(
    "The assistant's turn is not opened at the end. The model may then go on with a turn of the "
    "user."
)
def _turn_not_opened(messages: list[dict[str, str]]) -> str:
    return chat_prompt(messages).removesuffix("<|assistant|>\n")


@exercise.mistake(
    "The assistant's turn is opened and closed again. The model has to fill it, and writes the "
    "`<|end|>` itself."
)
def _turn_closed(messages: list[dict[str, str]]) -> str:
    return chat_prompt(messages) + "<|end|>\n"


@exercise.mistake(
    "The turns have no `<|end|>`. The model can't tell where a message stops, and has never seen a "
    "text like this."
)
def _ends_missing(messages: list[dict[str, str]]) -> str:
    return chat_prompt(messages).replace("<|end|>", "")


@exercise.mistake(
    "Only the last message is sent. A model remembers nothing: the history has to be in every "
    "prompt."
)
def _last_message_only(messages: list[dict[str, str]]) -> str:
    chat_prompt(messages)
    return chat_prompt(messages[-1:])


@exercise.mistake("The system message is left out. It is a turn like the others.")
def _no_system(messages: list[dict[str, str]]) -> str:
    chat_prompt(messages)
    return chat_prompt([message for message in messages if message["role"] != "system"])


@exercise.mistake(
    "Nothing is refused. An unknown role is a mark that the model was never trained on, and after "
    "the assistant's turn there is nothing to answer. Raise ValueError."
)
def _anything_goes(messages: list[dict[str, str]]) -> str:
    turns = [f"<|{message['role']}|>\n{message['content']}<|end|>\n" for message in messages]
    return "".join(turns) + "<|assistant|>\n"


@exercise.mistake(
    "Only the last message is checked. An unknown role anywhere in the conversation is a mark that "
    "the model was never trained on."
)
def _last_role_checked(messages: list[dict[str, str]]) -> str:
    chat_prompt(messages[-1:])
    return _anything_goes(messages)
