"""What widgets compute without a model, against the package."""

import json
import random
import unicodedata
from itertools import pairwise

import pytest
import torch
import transformers

from companion.errors import ToolError
from companion.generation.cache import kv_cache_bytes
from companion.lora import lora_parameter_count
from companion.losses import dpo_loss, ppo_policy_loss
from companion.prompts import chain_of_thought, few_shot, step_by_step, zero_shot
from companion.quantization.codebooks import dequantize_blocks, nf4_codebook, quantize_blocks
from companion.quantization.footprint import WeightCounts, count_weights
from companion.quantization.integers import absmax_quantize, dequantize
from companion.quantization.memory import generation_memory
from companion.rag import BM25Retriever, Document
from companion.rag.book import load_questions
from companion.tools import Toolbox
from companion.tools.calculator import calculator, evaluate
from companion.tools.transcript import with_tools
from companion.tools.weather import get_weather, observations


def llama(shape: list) -> tuple[transformers.PretrainedConfig, WeightCounts]:
    """A model of these shapes, without memory: a Qwen3 if its heads have norms."""
    vocab, width, hidden, layers, heads, shared, size, tied, *normed = shape
    kind = "Qwen3" if normed else "Llama"
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=vocab,
        hidden_size=width,
        intermediate_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=shared,
        head_dim=size,
        tie_word_embeddings=tied,
    )
    with torch.device("meta"):
        return config, count_weights(getattr(transformers, f"{kind}ForCausalLM")(config))


@pytest.mark.parametrize("bits", [2, 3, 4, 8])
@pytest.mark.parametrize("group", [0, 8])
def test_absmax_gives_the_codes_of_the_package(page, bits, group):
    row = torch.randn(32, generator=torch.Generator().manual_seed(bits))
    wanted = absmax_quantize(row, bits=bits, group_size=group or None)

    found = page("absmax", values=row.tolist(), bits=bits, size=group)

    assert found["codes"] == wanted.codes.tolist()
    assert torch.allclose(torch.tensor(found["restored"]), dequantize(wanted))


def test_halves_go_to_the_even_code(page):
    row = [127.0, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5]  # a scale of 1

    assert page("absmax", values=row, bits=8)["codes"] == [127, 0, 2, 2, 0, -2, -2]


def test_nf4_gives_the_numbers_of_the_package(page):
    row = torch.randn(128, generator=torch.Generator().manual_seed(0))

    found = page("nf4", values=row.tolist(), size=64)

    wanted = dequantize_blocks(quantize_blocks(row, nf4_codebook())).reshape(-1)
    assert torch.allclose(torch.tensor(found["restored"]), wanted, atol=1e-6)


def test_an_error_is_relative_to_something_only(page):
    assert page("error", values=[3.0, 4.0], restored=[3.0, 3.5]) == 0.1
    assert page("error", values=[0.0, 0.0], restored=[0.0, 0.0]) is None


@pytest.mark.parametrize(
    ("values", "problem"),
    [([1.0, -3.4e38], None), ([1e300, 1.0], "1e+300 is too large"), ([], "Write numbers")],
)
def test_numbers_that_are_none_in_32_bits_are_refused(page, values, problem):
    found = page("wrong", values=values)

    assert found is None if problem is None else found.startswith(problem)


@pytest.mark.parametrize("quantization", [None, "int8", "nf4"])
def test_memory_is_that_of_the_package_for_every_model(page, quantization):
    for name, shape in page("shapes").items():
        config, counts = llama(shape)
        wanted = generation_memory(
            config, counts, quantization=quantization, tokens=700, batch_size=3
        )

        found = page(
            "memory", name=name, format=quantization or "bfloat16", tokens=700, batch=3, bytes=2
        )

        assert found == pytest.approx([wanted.weights, wanted.kv_cache, wanted.activations])
        assert found[1] == kv_cache_bytes(config, 700, batch_size=3)


def test_lora_trains_as_many_parameters_as_in_the_package(page):
    for name, (_, width, hidden, layers, heads, shared, size, *_) in page("shapes").items():
        wanted = lora_parameter_count(
            [(width, heads * size), (width, shared * size), (hidden, width)] * layers, rank=16
        )

        found = page("lora", name=name, targets=["q_proj", "v_proj", "down_proj"], rank=16)

        assert found == wanted


@pytest.mark.parametrize("ratio", [0.5, 0.8, 1.0, 1.3])
@pytest.mark.parametrize("advantage", [1.0, -1.0])
def test_the_clipped_gain_is_that_of_the_package(page, ratio, advantage):
    logprobs = torch.tensor([[ratio]]).log().requires_grad_()
    loss = ppo_policy_loss(
        logprobs,
        torch.zeros(1, 1),
        torch.tensor([[advantage]]),
        torch.ones(1, 1, dtype=torch.bool),
        clip_range=0.2,
    )
    loss.backward()

    found = page("clip", ratio=ratio, advantage=advantage, range=0.2)

    assert found["gain"] == pytest.approx(-loss.item(), abs=1e-6)
    assert found["isFlat"] == (logprobs.grad.item() == 0)


def test_dpo_has_the_loss_of_the_package(page):
    values = [torch.tensor([x]) for x in (-3.0, -5.0, -4.0, -2.5)]  # of policy, then reference
    wanted = dpo_loss(*values, beta=0.3).item()

    assert page("dpo", chosen=1.0, rejected=-2.5, beta=0.3) == pytest.approx(wanted, abs=1e-6)


def test_search_by_words_finds_what_the_package_finds(page):
    passages = page("passages")
    retriever = BM25Retriever([Document(one["text"]) for one in passages])
    queries = [question.text for question in load_questions()]

    found = page("retrieve", queries=queries, k=5)

    for query, hits in zip(queries, found, strict=True):
        wanted = retriever.places(query, 5)
        assert [hit["at"] for hit in hits] == [at for at, _ in wanted], query
        assert [hit["score"] for hit in hits] == pytest.approx([score for _, score in wanted])


def is_folded_alike(sign: str) -> bool:
    """Whether lower case is all that Python's folding does to a sign that Unicode 14 assigns."""
    plain = unicodedata.normalize("NFKC", sign)
    return unicodedata.category(sign) != "Cn" and plain.casefold() == plain.lower()


def test_words_are_cut_alike_in_any_script(page):
    source = random.Random(0)
    signs = [chr(code) for code in range(32, 0x3100) if is_folded_alike(chr(code))]
    texts = ["".join(source.choices(signs, k=8)) + f" word{n}" for n in range(300)]
    retriever = BM25Retriever([Document("a b")])

    assert page("words", texts=texts) == [retriever._words([text])[0] for text in texts]


EXPRESSIONS = """\
417 * 23|417 - 598|2*(3 + 4) - 10/4|-(1.5 + -2) * 3|8 - 3 - 2|7|7//2|-7//2|7%3|-7%3|7%-3|.5|5.
1e5|1E-7|6/2|3.0|0.1+0.2|99999999999999999*99999999999999999|9007199254740992|9007199254740993
9007199254740992+1|-9007199254740993|1e16|123456789012345678.0|1e308*10|1e400|1/0|1//0|1%0|1.5/0
1/0.0|1%-0.0|-0|-0.0|0*-1.5|7.5//2|-7.5//2|7.5%2|-7.5%2|7.5%-2|0.0//-3|5.0%-5|1//0.1|1%0.1|2**3
-2**2|2**3/0|1/0+2**3|(1|1)|()|2(3)|2()|2(*e)|2(**3)|2(3 4)|(*2)|e|E5|5e|5e+|1.e|1..e|1 .e|(2).e5
...|1...|2 +|+ +2|--2|1 2|1 e5|007|00|0|01.5|01e2|08|1ee5|2 //3|2/ /3|2 * * 3|%2||  |2=2|1_000
2\u00d73|6\u00f72|5\u22122|alert(1)|it's|a\\b|\u200b1|\u00a01\u00a0+ 1|\U0001f600|1,5
263734931141050.625"""


def said(expression):
    try:
        return repr(evaluate(expression))
    except ToolError as error:
        return str(error)


def test_the_calculator_is_that_of_the_package(page):
    texts = [text for line in EXPRESSIONS.splitlines() for text in line.split("|")]
    texts += [
        "(" * 20 + "1" + ")" * 20,
        "(" * 21 + "1" + ")" * 21,
        "1" * 201,
        "-" * 199 + "1",
        "9" * 99,
    ]
    source = random.Random(0)
    pieces = "0 1 2 7 30 1.5 .5 5. 1e3 2e-9 e 1e17 9007199254740991 + - * / // % ( ) . ** ..."
    for _ in range(3000):
        texts.append(
            source.choice(["", " "]).join(source.choices(pieces.split(), k=source.randint(1, 7)))
        )
    numbers = [str(source.uniform(-1, 1) * 10 ** source.randint(-9, 18)) for _ in range(99)]
    texts += [
        f"{a} {sign} {b}" for a, b in pairwise(numbers) for sign in ("+", "*", "/", "//", "%")
    ]

    found = page("calculate", texts=texts)

    wanted = {text: said(text) for text in texts}
    assert dict(zip(texts, found, strict=True)) == wanted
    assert sum(one[-1].isdigit() for one in wanted.values()) > 500


@pytest.mark.parametrize("expression", ["6 / 2", "7 // 2", "1e16 * 1", "2 * 21"])
def test_a_number_is_told_as_the_package_writes_it(page, expression):
    written = json.dumps({"name": "calculator", "arguments": {"expression": expression}})

    assert page("call", written=written) == json.dumps(calculator(expression))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ('{"expression": "1 / 0"}', "division by zero: 1 / 0"),
        ('{"expression": 3}', "expression must be a text"),
        ('{"city": "Oslo"}', "calculator takes expression, got city"),
        ("null", "calculator takes expression, got "),
    ],
)
def test_what_is_wrong_with_a_call_is_told_in_words(page, arguments, problem):
    told = page("call", written=f'{{"name": "calculator", "arguments": {arguments}}}')

    assert json.loads(told) == {"error": problem}


def test_a_city_is_found_or_refused(page):
    for city, wanted in (("Oslo", observations()["Oslo"]), ("toString", None)):
        call = {"name": "get_weather", "arguments": {"city": city}}
        told = json.loads(page("call", written=json.dumps(call)))

        assert told == (wanted or {"error": f"there is no observation for {city}"})


def test_an_answer_is_no_call(page):
    assert page("call", written="The result is 9591.") is None


def test_a_problem_is_asked_with_the_prompts_of_the_package(page):
    shown = [("Q1?", "1 plus 1 is 2.", "2"), ("Q2?", "2 plus 3 is 5.", "5")]
    wanted = [
        few_shot("Q?", [(question, answer) for question, _, answer in shown]),
        chain_of_thought("Q?", shown),
        step_by_step("Q?"),
        zero_shot("Q?"),
    ]

    assert page("prompts", question="Q?", shown=shown) == wanted


def test_tools_are_declared_as_in_the_package(page):
    box = Toolbox([calculator, get_weather])

    assert page("declaration") == with_tools([{"role": "user", "content": "?"}], box)[0]["content"]
