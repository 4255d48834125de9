"""Chat templates that refuse, have a mistake, or belong to models that can reason."""

import copy

import pytest

import companion
from companion.chat_template import render, special_tokens, turn_tokens
from companion.errors import ChatTemplateError, CompanionError, DataError
from companion.messages import end_of_turn_id, prompt_text, tokenize_chat
from companion.training.data import preference_dataset, prompt_dataset, sft_dataset

PLAIN = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
NO_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}" + PLAIN
)
ALTERNATING = (
    "{% set talk = messages[1:] if messages[0]['role'] == 'system' else messages %}"
    "{% for m in talk %}{% if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/...') }}{% endif %}"
    "{% endfor %}" + PLAIN
)
NO_TOOLS = (
    "{% for m in messages %}{% if m['role'] == 'tool' %}{{ raise_exception('tool?') }}{% endif %}"
    "{% endfor %}" + PLAIN
)
UNDEFINED = PLAIN + "{{ bos.token }}"
SYNTAX = PLAIN + "{% if %}"
ADDS_NONE = "{% for m in messages %}{{ m['content'] + m['name'] }}{% endfor %}"

# As Qwen3's: reasoning of earlier turns is left out, and a block without reasoning stands before an
# answer for which there shall be none.
QWEN3 = """\
{%- set ns = namespace(last_user=0) -%}
{%- for m in messages %}{% if m.role == 'user' %}{% set ns.last_user = loop.index0 %}{% endif %}\
{% endfor -%}
{%- for m in messages -%}
{%- set content = m.content -%}
{%- set reasoning = m.reasoning_content or '' -%}
{%- if m.role == 'assistant' and '</think>' in content -%}
{%- set reasoning = content.split('</think>')[0].split('<think>')[-1].strip('\n') -%}
{%- set content = content.split('</think>')[-1].lstrip('\n') -%}
{%- endif -%}
<s>{{ m.role + '\n' }}
{%- if m.role == 'assistant' and loop.index0 > ns.last_user and (loop.last or reasoning) -%}
<think>{{ '\n' + reasoning + '\n' }}</think>{{ '\n\n' }}
{%- endif -%}
{{ content }}</s>{{ '\n' }}
{%- endfor -%}
{%- if add_generation_prompt -%}
<s>assistant{{ '\n' }}
{%- if enable_thinking is defined and enable_thinking is false -%}
<think>{{ '\n\n' }}</think>{{ '\n\n' }}
{%- endif -%}
{%- endif -%}
"""
# As that of DeepSeek-R1's distilled models: reasoning is opened in the prompt, whatever is asked.
ALWAYS_THINKS = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'].split('</think>')[-1] }}</s>\n"
    "{% endfor %}{% if add_generation_prompt %}<s>assistant\n<think>\n{% endif %}"
)

USER, HELLO = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello."}
SYSTEM = {"role": "system", "content": "Be brief."}
TOOL = {"role": "tool", "content": "42"}
TALK = [USER, HELLO, {"role": "user", "content": "Bye"}, {"role": "assistant", "content": "Oh"}]


@pytest.fixture
def using(tokenizer):
    def change(template: str | None):
        changed = copy.deepcopy(tokenizer)
        changed.chat_template = template
        return changed

    return change


@pytest.mark.parametrize(
    ("template", "messages", "problem"),
    [
        (NO_SYSTEM, [SYSTEM, USER], "message 0: it takes no system message. Put its text in front"),
        (NO_SYSTEM, [SYSTEM], "message 0: it takes no system message"),
        (ALTERNATING, [USER, USER], "messages 0 and 1 are both the user's, .* Join the two"),
        (ALTERNATING, [SYSTEM, USER, HELLO, HELLO, USER], "messages 2 and 3 are both the assist"),
        (ALTERNATING, [SYSTEM, HELLO, USER], "message 1: .* wants the user, not 'assistant'"),
        (NO_TOOLS, [USER, HELLO, TOOL], "message 2: it knows no calls of tools"),
        (UNDEFINED, [USER], "has a mistake. .* UndefinedError: 'bos' is undefined"),
        (SYNTAX, [USER], "has a mistake. Set tokenizer.chat_template .* TemplateSyntaxError"),
        (ADDS_NONE, [USER], "has a mistake"),
        (None, [USER], "no chat template. Set tokenizer.chat_template"),
    ],
)
def test_what_a_template_raises_is_said_in_words(using, template, messages, problem) -> None:
    with pytest.raises(ChatTemplateError, match=f"(?s){problem}") as caught:
        render(using(template), messages, open_turn=True)

    assert isinstance(caught.value, CompanionError)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("template", [NO_SYSTEM, UNDEFINED, SYNTAX])
def test_a_record_that_the_template_refuses_is_named(using, template) -> None:
    good = {"prompt": [USER], "chosen": [HELLO], "rejected": [{**HELLO, "content": "No"}]}
    records = [{**one, "messages": [*one["prompt"], HELLO]} for one in (good, good)]
    records[1]["messages"] = [SYSTEM, *records[1]["messages"]]
    records[1]["prompt"] = [SYSTEM, USER]
    which = "record 1.* message 0" if template is NO_SYSTEM else "record 0.* mistake"

    for dataset in (sft_dataset, preference_dataset, prompt_dataset):
        with pytest.raises(DataError, match=which):
            dataset(using(template), records, max_length=200)


def masked(tokenizer, messages, **options) -> list[str]:
    """Return what the assistant writes, turn by turn."""
    tokens = tokenize_chat(tokenizer, messages, **options)
    turns, before = [], 0
    for token, mask in zip(*tokens, strict=True):
        if mask and not before:
            turns.append([])
        if mask:
            turns[-1].append(token)
        before = mask
    return [tokenizer.decode(turn) for turn in turns]


def test_a_model_that_can_reason_is_told_not_to(using) -> None:
    qwen = using(QWEN3)

    assert prompt_text(qwen, [USER]).endswith("<s>assistant\n<think>\n\n</think>\n\n")
    assert prompt_text(qwen, [USER], thinking=True).endswith("<s>assistant\n")


def test_the_switch_of_other_families_is_set_too(using) -> None:
    granite = using(PLAIN + "{% if thinking %}<think>{% endif %}")

    assert not prompt_text(granite, [USER]).endswith("<think>")
    assert prompt_text(granite, [USER], thinking=True).endswith("<think>")


def test_a_template_without_a_switch_is_unaffected(using) -> None:
    plain = using(PLAIN)

    assert prompt_text(plain, TALK[:3]) == prompt_text(plain, TALK[:3], thinking=True)
    assert prompt_text(plain, [USER]) == "<s>user\nHi</s>\n<s>assistant\n"


@pytest.mark.parametrize("messages", [TALK[:2], TALK, [SYSTEM, *TALK], TALK * 3])
def test_all_turns_of_a_model_that_can_reason_are_found(using, messages) -> None:
    qwen = using(QWEN3)
    said = [one["content"] + "</s>" for one in messages if one["role"] == "assistant"]

    assert masked(qwen, messages) == said
    assert masked(qwen, messages, thinking=True) == [
        *said[:-1],
        f"<think>\n\n</think>\n\n{said[-1]}",
    ]


def test_reasoning_in_the_last_answer_is_learned_if_asked_for(using) -> None:
    messages = [*TALK[:3], {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nOh"}]

    assert masked(using(QWEN3), messages, thinking=True) == [
        "Hello.</s>",
        "<think>\nHm.\n</think>\n\nOh</s>",
    ]


def test_the_tokens_are_those_of_the_template(using) -> None:
    qwen = using(QWEN3)

    assert qwen.decode(tokenize_chat(qwen, TALK).input_ids) == qwen.apply_chat_template(
        TALK, tokenize=False
    )


def test_a_template_that_always_opens_reasoning(using) -> None:
    """Such a model can chat. Answers without reasoning would teach what it is never asked for."""
    always = using(ALWAYS_THINKS)

    assert end_of_turn_id(always) == always.convert_tokens_to_ids("</s>")
    with pytest.raises(ValueError, match=r"message 1: .* opens reasoning in the prompt"):
        tokenize_chat(always, TALK[:2])


def test_the_pocket_template_has_no_switch() -> None:
    tokenizer = companion.load("chat", source="pocket").tokenizer

    assert prompt_text(tokenizer, [USER]) == prompt_text(tokenizer, [USER], thinking=True)


# As Llama 3's: a beginning of the text, and marks around the role.
HEADERS = "<pad>{% for m in messages %}<s>{{ m['role'] }}</s>\n\n{{ m['content'] }}</s>{% endfor %}"
WORDS = "{% for m in messages %}{{ m['role'].upper() }}: {{ m['content'] }}\n{% endfor %}"


@pytest.mark.parametrize(
    ("template", "expected"),
    [(PLAIN, [1, 2]), (QWEN3, [1, 2]), (HEADERS, [0, 1, 2]), (WORDS, []), (ALTERNATING, [1, 2])],
    ids=["plain", "qwen3", "llama3", "words", "alternating"],
)
def test_turn_tokens_are_those_that_the_template_writes(using, template, expected) -> None:
    assert turn_tokens(using(template)) == expected


def test_the_turn_tokens_of_pocket_models_are_two_roles_and_the_end() -> None:
    tokenizer = companion.load("base", source="pocket").tokenizer

    found = tokenizer.convert_ids_to_tokens(turn_tokens(tokenizer))

    assert found == ["<|end|>", "<|user|>", "<|assistant|>"]


def test_a_mark_that_is_no_special_token_is_no_turn_token(using) -> None:
    tokenizer = using("{% for m in messages %}[T]{{ m['content'] }}</s>{% endfor %}")
    tokenizer.add_tokens(["[T]"])  # one token, but not special

    assert turn_tokens(tokenizer) == [2]
    assert special_tokens(tokenizer) == {0, 1, 2}


def test_turn_tokens_need_a_template_that_works(using) -> None:
    for template in (None, UNDEFINED):
        with pytest.raises(ChatTemplateError):
            turn_tokens(using(template))
