"""The corpus is deterministic, and what it teaches is right."""

import json
import random
import re
from itertools import islice

import pytest

from companion.phrases import NOT_THERE
from companion.pocket.corpus import (
    MIXTURE,
    arithmetic,
    chat,
    context,
    documents,
    facts,
    rules,
    spelling,
    stories,
    tool_calls,
    translation,
)
from companion.pocket.corpus.grammar import expand
from companion.pocket.corpus.holdout import held_out
from companion.pocket.corpus.lexicon import COMMON_WORDS, distinct_names, pronouns

OPERATIONS = {"plus": int.__add__, "minus": int.__sub__, "times": int.__mul__}


def test_same_seed_gives_the_same_documents():
    assert list(islice(documents(3), 200)) == list(islice(documents(3), 200))


def test_another_seed_gives_other_documents():
    assert list(islice(documents(3), 20)) != list(islice(documents(4), 20))


def test_unknown_kind_is_refused():
    with pytest.raises(ValueError, match=r"kind must be one of .*'arithmetic'.* got 'poems'"):
        next(documents(0, kind="poems"))


@pytest.mark.parametrize("kind", MIXTURE)
def test_documents_have_text_and_no_open_slots(kind):
    texts = [document.text for document in islice(documents(0, kind=kind), 200)]

    assert all(text.strip() == text and text for text in texts)
    if kind not in ("tool_calls", "instructions"):  # braces are JSON there
        assert not [text for text in texts if "{" in text or "}" in text]


def test_every_step_of_a_word_problem_is_right_and_leads_to_the_answer():
    rng = random.Random(0)
    for events in (2, 3):
        for _ in range(300):
            found = arithmetic.problem(rng, "train", events=events)
            steps = re.findall(r"(\d+) (plus|minus|times) (\d+) is (\d+)\.", found.reasoning)

            assert len(steps) == found.steps
            assert all(OPERATIONS[op](int(a), int(b)) == int(c) for a, op, b, c in steps)
            assert found.reasoning.endswith(f"{steps[-1][3]}. The answer is {found.answer}.")


def test_the_story_of_a_word_problem_gives_its_answer():
    found = arithmetic._tell(
        random.Random(0), 10, [("box", 3, 4), ("share", 2, 5), ("find", 6, 0), ("give", 8, 0)]
    )

    assert found.answer == 10 + 3 * 4 - 2 * 5 + 6 - 8
    assert arithmetic._tell(random.Random(0), 1, [("give", 8, 0)]) is None


def test_single_calculations_are_right():
    text = "\n".join(document.text for document in islice(documents(0, kind="arithmetic"), 300))

    said = re.findall(r"(\d+) (plus|minus|times) (\d+) is (-?\d+)\.", text)
    written = re.findall(r"(\d+) ([-+*]) (\d+)(?: = |\?\nAnswer: )(-?\d+)", text)

    assert len(said) > 300
    assert len(written) > 300
    assert all(OPERATIONS[op](int(a), int(b)) == int(c) for a, op, b, c in said)
    words = {"+": "plus", "-": "minus", "*": "times"}
    assert all(OPERATIONS[words[op]](int(a), int(b)) == int(c) for a, op, b, c in written)


def test_the_answer_to_a_context_question_stands_in_the_context():
    rng = random.Random(0)
    for _ in range(300):
        prompt, answer = context.item(rng, "eval")

        assert answer in prompt.split("\nQuestion:")[0]


def test_reverse_contexts_ask_for_every_fact_from_both_ends():
    rng = random.Random(0)
    for _ in range(200):
        found = context.facts(rng, "train", 4, reverse=1.0)
        answers = [answer for _, answer in found.questions]

        assert len(answers) == len(set(answers)) == 8
        assert all(sum(a in sentence for a in answers) >= 2 for sentence in found.sentences)


def test_spelled_words_are_spelled_right():
    rng = random.Random(0)
    lines = "\n".join(spelling.document(rng, "train") for _ in range(300)).split("\n")
    pairs = [re.split(r": | = ", line.removeprefix("Spell "), maxsplit=1) for line in lines]

    assert len(lines) > 1000
    for one, other in pairs:
        word, letters = (other, one) if len(one) > len(other) else (one, other)
        assert word == re.sub(r"[-, ]", "", letters)
        assert len(re.findall(r"[-, ]+", letters)) == len(word) - 1


def test_held_out_made_up_words_are_not_spelled_in_training():
    rng = random.Random(0)
    words = {
        re.sub(r"[-, ]", "", re.split(r": | = ", line.removeprefix("Spell "))[0])
        for _ in range(300)
        for line in spelling.document(rng, "train").split("\n")
    } - set(COMMON_WORDS)

    assert len(words) > 300
    assert not [word for word in words if held_out(word)]


def test_a_context_without_the_answer_says_so():
    texts = [document.text for document in islice(documents(0, kind="context"), 4000)]
    refused = [text for text in texts if text.endswith(NOT_THERE)]

    assert len(refused) > 50
    assert all(text.startswith("Answer the question with the context only.") for text in refused)


@pytest.mark.parametrize(
    ("rule", "word", "answer"),
    [
        ("upper", "river", "RIVER"),
        ("first", "river", "r"),
        ("double", "river", "river river"),
        ("last", "river", "r"),
        ("dash", "sea", "sea-sea"),
    ],
)
def test_rules_do_what_they_are_called(rule, word, answer):
    assert rules.RULES[rule](word) == answer


def test_a_rule_item_shows_the_asked_number_of_examples():
    prompt, answer = rules.item(random.Random(0), "eval", rule="upper", examples=3)

    *shown, asked = prompt.split("\n")
    assert [line.split(" -> ")[1] for line in shown] == [
        line.split(" -> ")[0].upper() for line in shown
    ]
    assert len(shown) == 3
    assert answer == asked.removesuffix(" ->").upper()


def test_tool_calls_are_valid_json_with_declared_arguments():
    rng = random.Random(0)
    for name in tool_calls.TOOLS:
        found = tool_calls.exchange(rng, "eval", tool=name)
        call = json.loads(tool_calls.call(found))

        assert set(call["arguments"]) == set(tool_calls.DECLARATIONS[call["name"]])
        assert f'"{name}"' in tool_calls.declare(rng, name)


def test_a_conversation_asks_for_what_was_told():
    turns = chat.conversation(random.Random(0), "train", details=["name", "city"], fillers=2)

    assert len(turns) == 6
    told = " ".join(user for user, _ in turns[:2])
    for _, reply in turns[-2:]:
        assert reply.split()[-1].rstrip(".") in told


@pytest.mark.parametrize(
    ("noun", "adjective", "french"),
    [
        ("tree", None, "l'arbre"),
        ("house", "white", "la maison blanche"),
        ("cat", "small", "le petit chat"),
        ("bird", "big", "le grand oiseau"),
        ("star", "pretty", "la jolie étoile"),
        ("child", "cold", "l'enfant froid"),
    ],
)
def test_french_phrases_agree(noun, adjective, french):
    assert translation._noun_phrase(noun, adjective).french == french


def test_stories_are_varied():
    rng = random.Random(0)

    beginnings = {" ".join(stories.story(rng)[:2]) for _ in range(500)}

    assert len(beginnings) > 480


def test_pronouns_fit_the_name():
    assert pronouns("Mia")["They"] == "She"
    assert pronouns("Tom")["their"] == "his"


def test_distinct_names_do_not_repeat():
    assert len(set(distinct_names(random.Random(0), "train", 300))) == 300


def test_expand_fills_nested_symbols():
    assert expand(random.Random(0), "{a}!", {"a": ["{b} {b}"], "b": "x"}) == "x x!"


def test_expand_names_a_missing_rule():
    with pytest.raises(KeyError, match="size"):
        expand(random.Random(0), "a {size} dog", {})


def test_there_is_a_capital_for_every_question():
    assert len(facts.CAPITALS) >= 30
    assert facts.capital_question("France") == (
        "Question: What is the capital of France?\nAnswer:",
        "Paris",
    )


def test_in_free_word_problems_anything_may_happen_and_the_reasoning_is_right():
    rng = random.Random(0)
    known = {2: set(), 4: set()}
    for events in known:
        for _ in range(60):
            found = arithmetic.problem(rng, "train", events=events, free=True)
            known[events].add(tuple(re.findall(r"buys|finds|gives away|to each", found.question)))
            *steps, last = found.reasoning.split(". ")
            assert last == f"The answer is {found.answer}."
            for a, word, b, value in (
                re.fullmatch(r"(\d+) (\w+) (\d+) is (\d+)", s).groups() for s in steps
            ):
                a, b = int(a), int(b)
                assert int(value) == {"plus": a + b, "minus": a - b, "times": a * b}[word]

    assert ("finds", "finds") in known[2]
    assert ("gives away", "buys") in known[2]
    assert all(len(plot) == 4 for plot in known[4])
