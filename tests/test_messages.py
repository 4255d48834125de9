"""Messages to tokens: which tokens the assistant writes, under several chat templates."""

import copy

import pytest
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers

import companion
from companion.messages import (
    ChatTokens,
    check_messages,
    end_of_turn_id,
    neutralize,
    prompt_text,
    tokenize_chat,
)
from companion.phrases import CHAT_TEMPLATE

EOS = 2
# Three ways to write a turn. Each ends the assistant's with </s>, which is one token.
INST = (
    "{% for m in messages %}{% if m['role'] == 'user' %}[INST] {{ m['content'] }} [/INST]"
    "{% else %} {{ m['content'] }} </s>{% endif %}{% endfor %}"
)
MARKS = (
    "{% for m in messages %}<s>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
DROPS_EARLIER_ANSWERS = (
    "{% for m in messages %}<s>{{ m['role'] }}\n"
    "{% if m['role'] == 'user' or loop.last %}{{ m['content'] }}{% endif %}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
NEVER_ENDS = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}" + (
    "{% if add_generation_prompt %}assistant: {% endif %}"
)
OTHER_PROMPT = (
    "{% for m in messages %}<s>{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>Your turn:{% endif %}"
)

TWO_TURNS = [
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello 1"},
    {"role": "user", "content": "Bye"},
    {"role": "assistant", "content": "Oh"},
]


@pytest.fixture(scope="module")
def pocket_tokenizer():
    return companion.load("base").tokenizer


def with_template(tokenizer, template: str | None):
    changed = copy.deepcopy(tokenizer)
    changed.chat_template = template
    return changed


def parts(tokenizer, tokens: ChatTokens) -> list[tuple[int, str]]:
    """Join neighboring tokens with the same mask and decode them."""
    found: list[tuple[int, list[int]]] = []
    for token, mask in zip(*tokens, strict=True):
        if not found or found[-1][0] != mask:
            found.append((mask, []))
        found[-1][1].append(token)
    return [(mask, tokenizer.decode(ids)) for mask, ids in found]


def test_the_pocket_template_by_hand(pocket_tokenizer) -> None:
    tokens = tokenize_chat(pocket_tokenizer, TWO_TURNS)

    assert parts(pocket_tokenizer, tokens) == [
        (0, "<|user|>\nHi<|end|>\n<|assistant|>\n"),
        (1, "Hello 1<|end|>"),
        (0, "\n<|user|>\nBye<|end|>\n<|assistant|>\n"),
        (1, "Oh<|end|>"),
        (0, "\n"),
    ]


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (
            INST,
            [
                (0, "[INST] Hi [/INST]"),
                (1, " Hello 1 </s>"),
                (0, "[INST] Bye [/INST]"),
                (1, " Oh </s>"),
            ],
        ),
        (
            MARKS,
            [
                (0, "<s>user\nHi</s>\n<s>assistant\n"),
                (1, "Hello 1</s>"),
                (0, "\n<s>user\nBye</s>\n<s>assistant\n"),
                (1, "Oh</s>"),
                (0, "\n"),
            ],
        ),
    ],
    ids=["inst", "marks"],
)
def test_other_templates_by_hand(tokenizer, template: str, expected: list[tuple[int, str]]) -> None:
    changed = with_template(tokenizer, template)

    assert parts(changed, tokenize_chat(changed, TWO_TURNS)) == expected


def test_the_ids_are_those_of_apply_chat_template(pocket_tokenizer) -> None:
    theirs = pocket_tokenizer.apply_chat_template(TWO_TURNS, return_dict=True)["input_ids"]

    assert tokenize_chat(pocket_tokenizer, TWO_TURNS).input_ids == theirs


def test_the_mask_equals_that_of_a_template_with_generation_markers(pocket_tokenizer) -> None:
    """`transformers` has masks of its own, for templates that mark what the assistant writes."""
    marked = with_template(
        pocket_tokenizer,
        CHAT_TEMPLATE.replace(
            "{{ message['content'] }}<|end|>\n",
            "{% if message['role'] == 'assistant' %}"
            "{% generation %}{{ message['content'] }}<|end|>{% endgeneration %}{{ '\\n' }}"
            "{% else %}{{ message['content'] }}<|end|>\n{% endif %}",
        ),
    )
    theirs = marked.apply_chat_template(
        TWO_TURNS, return_dict=True, return_assistant_tokens_mask=True
    )

    ours = tokenize_chat(pocket_tokenizer, TWO_TURNS)

    assert ours.input_ids == theirs["input_ids"]
    assert ours.completion_mask == theirs["assistant_masks"]


def test_the_masked_part_is_what_follows_the_prompt(pocket_tokenizer) -> None:
    prompt = pocket_tokenizer(prompt_text(pocket_tokenizer, TWO_TURNS[:3]))["input_ids"]

    tokens = tokenize_chat(pocket_tokenizer, TWO_TURNS)

    turn = tokens.last_turn()
    assert tokens.input_ids[: turn.start] == prompt
    assert tokens.completion_mask[turn] == [1] * 3


def test_system_and_tool_turns_are_not_learned(pocket_tokenizer) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "2 + 2"},
        {"role": "tool", "content": "4"},
        {"role": "assistant", "content": "Four", "note": "extra keys are allowed"},
    ]

    tokens = tokenize_chat(pocket_tokenizer, messages)

    learned = [text for mask, text in parts(pocket_tokenizer, tokens) if mask]
    assert learned == ["Four<|end|>"]


def test_a_conversation_without_an_answer_has_an_empty_mask(pocket_tokenizer) -> None:
    assert sum(tokenize_chat(pocket_tokenizer, TWO_TURNS[:1]).completion_mask) == 0


@pytest.mark.parametrize("content", ["", "\n\na", "é 日本 🙂", "def f():\n    x\n", "a  b "])
def test_any_content_comes_back(pocket_tokenizer, content: str) -> None:
    tokens = tokenize_chat(
        pocket_tokenizer, [TWO_TURNS[0], {"role": "assistant", "content": content}]
    )

    assert pocket_tokenizer.decode(tokens.input_ids[tokens.last_turn()]) == content + "<|end|>"


def test_turns_by_hand() -> None:
    assert ChatTokens([1, 2, 3, 4, 5], [1, 0, 1, 1, 0]).last_turn() == slice(2, 4)
    assert ChatTokens([1, 2, 3], [1, 1, 0]).last_turn() == slice(0, 2)
    assert ChatTokens([1, 2, 3, 4, 5], [1, 0, 1, 1, 0]).through_answer() == [1, 2, 3, 4]


@pytest.mark.parametrize("template", [INST, MARKS])
def test_the_end_of_turn_is_found(tokenizer, template: str) -> None:
    assert end_of_turn_id(with_template(tokenizer, template)) == EOS


def test_the_end_of_turn_need_not_be_the_eos(pocket_tokenizer) -> None:
    end = end_of_turn_id(pocket_tokenizer)

    assert pocket_tokenizer.convert_ids_to_tokens(end) == "<|end|>"
    assert end != pocket_tokenizer.eos_token_id


def test_the_prompt_ends_where_the_answer_begins(pocket_tokenizer) -> None:
    assert prompt_text(pocket_tokenizer, TWO_TURNS[:1]) == "<|user|>\nHi<|end|>\n<|assistant|>\n"


def test_a_template_without_an_end_is_refused(tokenizer) -> None:
    with pytest.raises(ValueError, match=r"message 1: .* no special token, .* can't learn to stop"):
        tokenize_chat(with_template(tokenizer, NEVER_ENDS), TWO_TURNS[:2])


def test_a_template_that_rewrites_earlier_turns_is_refused(tokenizer) -> None:
    changed = with_template(tokenizer, DROPS_EARLIER_ANSWERS)

    with pytest.raises(ValueError, match="message 1: the chat template writes this turn different"):
        tokenize_chat(changed, TWO_TURNS)


def test_such_a_template_works_for_one_answer(tokenizer) -> None:
    changed = with_template(tokenizer, DROPS_EARLIER_ANSWERS)

    tokens = tokenize_chat(changed, TWO_TURNS[:2])

    assert parts(changed, tokens)[1] == (1, "Hello 1</s>")


def test_a_prompt_that_the_answer_does_not_follow_is_refused(tokenizer) -> None:
    with pytest.raises(ValueError, match="message 1: the tokens of the prompt change"):
        tokenize_chat(with_template(tokenizer, OTHER_PROMPT), TWO_TURNS[:2])


def test_an_answer_whose_blanks_join_the_template_is_refused() -> None:
    vocab = {"</s>": 0, "Ċ": 1, "ĊĊ": 2, "a": 3, "b": 4}  # Ċ is the line break
    core = Tokenizer(models.BPE(vocab, [("Ċ", "Ċ")]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    merging = transformers.PreTrainedTokenizerFast(tokenizer_object=core, eos_token="</s>")
    merging.chat_template = (
        "{% for m in messages %}{{ m['content'] }}</s>{% if m['role'] == 'user' %}{{ '\n' }}"
        "{% endif %}{% endfor %}"
    )
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert tokenize_chat(merging, messages) == ([3, 0, 1, 4, 0], [0, 0, 0, 1, 1])

    messages[1]["content"] = "\nb"

    with pytest.raises(ValueError, match=r"begins with blanks .* strip it"):
        tokenize_chat(merging, messages)


def test_no_template_is_an_error(tokenizer) -> None:
    with pytest.raises(ValueError, match=r"no chat template. Set tokenizer.chat_template"):
        prompt_text(with_template(tokenizer, None), TWO_TURNS[:1])


def test_a_prompt_that_ends_with_the_answer_is_refused(pocket_tokenizer) -> None:
    with pytest.raises(ValueError, match="the last message is the assistant's"):
        prompt_text(pocket_tokenizer, TWO_TURNS[:2])


def test_a_conversation_that_begins_with_the_assistant_is_refused(pocket_tokenizer) -> None:
    with pytest.raises(ValueError, match="begins with the assistant; put a user's message"):
        tokenize_chat(pocket_tokenizer, TWO_TURNS[1:2])


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([], "messages is empty"),
        ("Hello", "must be a list of dicts .*, got str"),
        ({"role": "user", "content": "a"}, "must be a list of dicts .*, got dict"),
        ([TWO_TURNS[0], "Hello"], "message 1 must be a dict"),
        ([{"content": "a"}], "message 0 has the role None; use one of system, user"),
        ([{"role": "human", "content": "a"}], "message 0 has the role 'human'"),
        ([{"role": "user"}], "message 0 has no text: its 'content' is None"),
        ([{"role": "user", "content": 4}], "message 0 has no text: its 'content' is 4"),
    ],
)
def test_malformed_messages_are_refused(messages: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_messages(messages)


def test_a_tool_call_needs_no_content() -> None:
    check_messages([{"role": "assistant", "content": None, "tool_calls": [{"name": "add"}]}])


@pytest.mark.parametrize(
    "data", ["<|user|>hi", "a<|en<|end|>d|>b", "<|<|pad|>end|>", "<|endoftext|>" * 3, "plain"]
)
def test_neutralized_data_holds_no_special_token(data: str) -> None:
    tokenizer = companion.load("chat").tokenizer

    ids = tokenizer(neutralize(tokenizer, data)).input_ids

    assert not set(ids) & set(tokenizer.get_added_vocab().values())


def test_neutralizing_leaves_other_text_alone() -> None:
    tokenizer = companion.load("chat").tokenizer

    assert neutralize(tokenizer, "1 < 2 |> x <b>\n") == "1 < 2 |> x <b>\n"
