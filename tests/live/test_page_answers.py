"""What the model of a widget says, with exact weights, is what the cells of its page print."""

import re
from statistics import mean

import pytest

from companion.generation.decoding import generate
from companion.generation.params import SamplingParams
from tests.chromium import ABSENT

pytest.importorskip("selenium")

from selenium.webdriver.common.by import By

from tests.live.tab import numbers, printed

pytestmark = pytest.mark.skipif(bool(ABSENT), reason=str(ABSENT))


def test_the_story_leaves_as_many_tokens_as_the_page_prints(tab):
    tab.open("gpt/sampling", "next_token")
    said = tab.run(exact=True)

    (kept,) = re.findall(r"T = 1\.0: top-p +(\d+)", printed("gpt/sampling"))
    assert said.startswith(f"{kept} tokens are left.")


def test_the_capital_has_the_name_that_the_page_prints(tab):
    tab.open("gpt/next-token", "next_token")
    tab.run(exact=True)

    (name,) = re.findall(r"France is': '(.*?)' is the most likely", printed("gpt/next-token"))
    assert tab.rows()[0][0] == name.replace(" ", "␣")


def test_rounded_weights_change_little(tab):
    tab.open("gpt/next-token", "next_token")
    tab.run()
    rounded = {name: numbers(raw)[0] for name, raw, *_ in tab.rows()}
    tab.run(exact=True)

    for name, raw, *_ in tab.rows():
        assert abs(rounded[name] - numbers(raw)[0]) < 3  # percentage points


def test_a_sentence_has_the_probabilities_that_the_page_prints(tab):
    tab.open("gpt/next-token", "score")
    said = tab.run(exact=True)

    text = printed("gpt/next-token")
    wanted = re.findall(r"^'.*' +probability (\d\.\d\d)$", text, re.MULTILINE)
    assert [share for _, share, _ in tab.rows()] == wanted
    assert re.search(r"7 tokens, (9\.\d) nats in all, 1\.30 nats per token", text)[1] in said


@pytest.mark.parametrize("beams", [1, 4])
def test_a_search_ends_in_the_text_of_the_page(tab, beams):
    tab.open("gpt/decoding", "beam")
    field = tab.driver.find_element(By.CSS_SELECTOR, ".live-row input")
    tab.driver.execute_script("arguments[0].value = arguments[1]", field, beams)
    tab.run(exact=True)

    name = "greedy" if beams == 1 else "beam, 4"
    (wanted,) = re.findall(rf"^{name}: (.*?) *$", printed("gpt/decoding"), re.MULTILINE)
    assert " ".join(tab.rows(1)[0][0].split()) == wanted


def test_three_examples_are_followed_as_on_the_page(tab):
    tab.open("prompting/few-shot", "few_shot")
    said = tab.run(exact=True)

    (wanted,) = re.findall(r"jearhial ->▸ (.*?) *\n", printed("prompting/few-shot"))
    assert said == f"With 3 examples: {wanted}"


def test_the_tool_loop_ends_in_the_answer_of_the_page(tab):
    tab.open("applications/function-calling", "tools")
    said = tab.run(exact=True)

    text = printed("applications/function-calling")
    (call,) = set(re.findall(r'^\{"name": "calculator", .*417 \* 23.*\}$', text, re.MULTILINE))
    assert next(what for who, what in tab.rows() if who == "model writes") == call
    assert said == f"Answer: {re.findall(r'The result is 9591.', text)[0]}"


def test_a_problem_has_the_four_answers_of_the_page(tab):
    tab.open("prompting/chain-of-thought", "reasoning")
    tab.run(exact=True)

    wanted = re.findall(r"^Answer:.*▸ (.*?) *$", printed("prompting/chain-of-thought"), re.M)
    assert [row[1] for row in tab.rows()][:3] == wanted
    assert tab.rows()[3][1] == wanted[1]  # "nothing said" is 99 % right, too


def test_both_models_answer_as_on_the_page(tab, pocket):
    model, tokenizer = pocket("base")
    tab.open("training/instruction-tuning", "tuning")
    said = tab.run(exact=True)

    (asked, answer) = re.findall(
        r"^'(What is the capital of Peru\?)'\n +'(.*)'",
        printed("training/instruction-tuning"),
        re.M,
    )[0]
    assert said == f"pocket-chat answers: {answer}"
    text = tokenizer.apply_chat_template(
        [{"role": "user", "content": asked}], tokenize=False, add_generation_prompt=True
    )
    (wanted,) = generate(model, tokenizer, text, SamplingParams(temperature=0, max_new_tokens=32))
    assert tab.rows()[0][1] == wanted.text.strip()


def test_a_dear_sentence_has_the_loss_of_the_page(tab):
    tab.open("training/pretraining", "score")
    said = tab.run(exact=True)

    loss, perplexity = re.search(
        r"^(\S+) nats per token, perplexity (\S+)$", printed("training/pretraining"), re.M
    ).groups()
    assert f"{loss} nats per token, perplexity {perplexity}." in said


def test_a_token_goes_the_way_that_it_goes_in_the_model(tab, pocket):
    model, tokenizer = pocket("base")
    wanted = []
    tab.open("gpt/architecture", "journey")
    tab.run(exact=True)

    def note(module, inputs, output):
        out = output[0] if isinstance(output, tuple) else output
        wanted.append(out[0, -1].norm().item())

    text = tab.driver.execute_script("return document.querySelector('textarea').value")
    parts = [part for layer in model.model.layers for part in (layer.self_attn, layer.mlp)]
    hooks = [part.register_forward_hook(note) for part in (model.model.embed_tokens, *parts)]
    logits = model(tokenizer(text, return_tensors="pt").input_ids).logits[0, -1]
    for hook in hooks:
        hook.remove()
    rows = tab.rows()
    assert len(rows) == 13
    assert [float(row[2]) for row in rows] == pytest.approx(wanted, abs=0.06)
    best = tokenizer.decode(logits.argmax()).replace(" ", "␣")
    assert rows[-1][4] == f"{best} {100 * logits.softmax(-1).max().item():.1f} %"


def test_a_name_is_remembered_as_on_the_page(tab):
    tab.open("applications/conversation", "chat")
    tab.run(exact=True)
    first = tab.text_of(".live-turn:last-child span")
    tab.driver.execute_script("document.querySelector('textarea').value = 'What is my name?'")
    tab.press(".live-buttons button")
    tab.wait(lambda driver: len(driver.find_elements(By.CSS_SELECTOR, ".live-turn")) == 4)
    tab.wait(lambda driver: tab.status() == "pocket-chat has answered.")

    text = printed("applications/conversation")
    assert f"<|assistant|>\n{first}<|end|>" in text
    (wanted,) = re.findall(r"^whole history: +(.*?) *$", text, re.M)
    assert tab.text_of(".live-turn:last-child span") == wanted


def test_four_notes_have_the_prompt_and_the_answer_of_the_page(tab):
    tab.open("applications/rag", "notes")
    said = tab.run(exact=True)

    prompt, answer = re.search(
        r"<\|user\|>\n(.*?)<\|end\|>\n<\|assistant\|>\n▸(.*)",
        printed("applications/rag"),
        re.DOTALL,
    ).groups()
    assert tab.text_of("[aria-label='The prompt']") == prompt
    assert said == f"pocket-chat answers: {answer.splitlines()[0]}"
    tab.driver.execute_script(
        "const score = document.querySelectorAll('input[type=range]')[1];"
        "score.value = 3; score.dispatchEvent(new Event('input'))"
    )
    assert tab.text_of("[aria-label='The answer']") == ""  # it was the answer to another prompt
    assert tab.run().startswith("Answer: The documents do not say.")


def test_a_strong_prompt_has_the_answer_that_the_page_wants(tab):
    tab.open("prompting/prompt-design", "two_prompts")
    said = tab.run(exact=True)

    (review, wanted), *_ = re.findall(
        r"^\(\{'text': '(.*)'\}, '(.*)'\)", printed("prompting/prompt-design"), re.M
    )
    assert said == f"After the second prompt: {wanted}"
    assert all(row[1].endswith(f"\n{review}") for row in tab.rows())
    tab.driver.execute_script(
        "document.querySelector('textarea').dispatchEvent(new Event('input'))"
    )
    assert tab.status().startswith("The prompts have changed.")


def test_a_greeting_is_returned_as_on_the_page(tab):
    tab.open("applications/chatbot", "chat")
    tab.run(exact=True)

    (wanted,) = set(re.findall(r"^you: Hello!\nbot: (.*)$", printed("applications/chatbot"), re.M))
    assert tab.text_of(".live-turn:last-child span") == wanted


def test_an_attack_has_the_answer_of_the_page(tab):
    tab.open("prompting/injection", "injection")
    said = tab.run(exact=True)

    (wanted,) = re.findall(r"^question +succeeds: .*'(.*)'$", printed("prompting/injection"), re.M)
    assert said == f"pocket-chat answers: {wanted}"


def test_pocket_chat_answers_as_the_package_does(tab, pocket):
    model, tokenizer = pocket("chat")
    tab.open("index", "chat")
    question = tab.driver.execute_script("return document.querySelector('textarea').value")
    messages = [{"role": "user", "content": question}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    (wanted,) = generate(model, tokenizer, text, SamplingParams(temperature=0))
    tab.run(exact=True)

    assert tab.text_of(".live-turn:last-child span") == wanted.text


def test_the_head_of_the_page_looks_one_back_and_the_name_is_lost_without_it(tab):
    tab.open("gpt/inside", "attention")
    whole = tab.run(exact=True)

    (layer, head), *others = re.findall(
        r"\((\d), (\d)\)",
        re.search(r"look one back: .*", printed("gpt/inside"))[0],
    )
    assert not others
    assert tab.text_of(".live-map caption").startswith(f"Layer {layer}, head {head}.")
    weights = [numbers(" ".join(row[1:])) for row in tab.rows(1)]
    assert mean(row[t - 1] for t, row in enumerate(weights) if t) > 90  # percent
    assert re.match(r"The model goes on with ␣Vi \(\d\d", whole)
    tab.press(".live-row input[type=checkbox]")
    tab.wait(lambda driver: f"Without head {head} of layer {layer}" in tab.status())
    assert tab.status().startswith(whole)
    assert "␣Vi" not in tab.status().removeprefix(whole)


def test_the_heads_that_the_page_names_look_at_the_name(tab):
    tab.open("gpt/inside", "attention")
    tab.run(exact=True)

    for layer, head in re.findall(
        r"\((\d), (\d)\)", re.search(r"look at the name: .*", printed("gpt/inside"))[0]
    ):
        tab.press(f"[aria-label='Layer {layer}, head {head}']")
        *_, last = tab.rows(1)
        place = [cells[0] for cells in tab.rows(1)].index("␣Vi")
        assert int(last[1 + place]) > 50, (layer, head)


def test_weights_and_lens_are_those_of_the_model(tab, pocket):
    model, tokenizer = pocket("base")
    tab.open("open-models/inside-llama", "attention")
    tab.run(exact=True)

    text = tab.driver.execute_script("return document.querySelector('textarea').value")
    tab.press("[aria-label='Layer 2, head 1']")
    output = model(tokenizer(text, return_tensors="pt").input_ids, output_attentions=True)
    wanted = output.attentions[2][0, 1]
    shown = [numbers(" ".join(row[1:])) for row in tab.rows(1)]
    assert all(
        abs(100 * wanted[t, at] - weight) < 0.51
        for t, row in enumerate(shown)
        for at, weight in enumerate(row)
    )
    share, best = output.logits[0, -1].softmax(-1).max(-1)
    name = tokenizer.decode(best).replace(" ", "␣").replace("\n", "↵")
    assert len(tab.rows(2)) == 7  # the embedding and six layers
    assert tab.rows(2)[-1][1] == f"{name} {100 * share.item():.1f} %"
