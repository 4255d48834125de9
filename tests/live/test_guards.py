"""The mask of a schema, templates and the stations of a call, against the package and the pages."""

import json
import re
from functools import partial

import jsonschema
import pytest
from langchain_core.prompts import PromptTemplate

from companion.errors import PromptError, ToolCallError, ToolError
from companion.pocket.studies.bookings import SCHEMA
from companion.prompts.templates import fill
from companion.tools import Tool, Toolbox, parse_calls
from tests.live.page_code import cell, run

WHOLE = '{"name": "Kim", "day": "Friday", "guests": 4, "outside": true, "wishes": []}'
STRANGE = [
    "", "{", '{"', "{ ", '{"name": "K', '{"name": "K1', '{"nam', '{"day', WHOLE, WHOLE + " ",
    WHOLE[:-1], WHOLE.replace("4", "13"), WHOLE.replace("4", "1"), WHOLE.replace("4", "12"),
    WHOLE.replace("[]", '["cake"'), WHOLE.replace("[]", '["cake", "cake", '),
    WHOLE.replace("[]", '["parking", "high chair"]'), WHOLE.replace("Kim", ""), '{"name": "Kim", ',
    WHOLE.replace("Kim", "é"), WHOLE.replace("Kim", "a" * 13), '{"name": "日', "🦊", "<b>",
]  # fmt: skip


def page_reader() -> dict:
    """Return what the page defines to answer the prefix test."""
    code = "\n".join(
        cell("applications/structured-output", part)
        for part in ("MORE = None", "def in_turn", "def parts")
    )
    code = code.split("BEGUN =")[0]
    return run(code, re=re, json=json, partial=partial)


def test_the_prefix_test_is_that_of_the_page(page):
    wanted = page_reader()["is_prefix"]
    texts = [*STRANGE, *(WHOLE[:end] for end in range(len(WHOLE)))]

    assert page("isPrefix", schema=SCHEMA, texts=texts) == [wanted(SCHEMA, text) for text in texts]


@pytest.mark.parametrize("text", ["", '{"name": "Kim", "day": "T', WHOLE[:45], WHOLE])
def test_the_allowed_tokens_are_those_of_the_prefix_test(page, pocket, text):
    model, tokenizer = pocket("chat")
    is_prefix = page_reader()["is_prefix"]
    ends = model.generation_config.eos_token_id
    ends = {ends} if isinstance(ends, int) else set(ends)
    left = {*tokenizer.all_special_ids, *ends}
    wanted = {
        token
        for token in range(len(tokenizer))
        if token not in left and is_prefix(SCHEMA, text + tokenizer.decode([token]))
    }

    found = page("allowed", schema=SCHEMA, text=text)

    assert set(found) == wanted | (ends if text == WHOLE else set())
    assert len(found) == len(set(found))


BAD = [
    ([], "must be an object"),
    ({}, 'needs "enum"'),
    ({"type": "number"}, 'needs "enum"'),
    ({"enum": []}, "list of 1 to 100"),
    ({"type": "integer", "minimum": 1}, '"minimum" and "maximum"'),
    ({"type": "integer", "minimum": 0, "maximum": 10**9}, "at most 1000"),
    ({"type": "string"}, '"pattern"'),
    ({"type": "string", "pattern": "^(a+)+$"}, '"pattern"'),
    ({"type": "string", "pattern": "^[z-a]{1,2}$"}, '"pattern"'),
    ({"type": "string", "pattern": "^[^a]{1,2}$"}, "quotation marks"),
    ({"type": "string", "pattern": "^[a]{3,2}$"}, '"pattern"'),
    ({"type": "string", "pattern": "^[é]{1,2}$"}, "ASCII"),
    ({"type": "string", "pattern": "^[\\p{L}]{1,2}$"}, "ASCII"),
    ({"type": "array", "items": {"type": "boolean"}}, "maxItems"),
    ({"type": "object", "properties": {}}, '"properties"'),
    ({"type": "object", "properties": {"a": {"type": "null"}}}, 'needs "enum"'),
]


@pytest.mark.parametrize(("schema", "words"), BAD)
def test_a_schema_that_is_not_read_here_is_told(page, schema, words):
    assert words in page("schemaProblem", schema=schema)
    assert page("schemaProblem", schema=SCHEMA) is None


@pytest.mark.parametrize(
    "schema",
    [
        {"enum": ["日本", "é🦊", 'a "b" \\ <c>']},
        {
            "type": "object",
            "properties": {"größe": {"type": "integer", "minimum": -3, "maximum": -1}},
        },
        {"type": "array", "maxItems": 2, "items": {"enum": [None, 1.5, "\u2028"]}},
    ],
)
def test_other_peoples_schemas_give_json_that_they_allow(page, schema):
    messages = [{"role": "user", "content": "🦊 日本 مرحبا <b>"}]

    *_, last = page("json", messages=messages, schema=schema, maxNewTokens=60, model="chat")

    assert last["reason"] == "eos"
    jsonschema.validate(json.loads(last["text"]), schema)


FILLED = [
    ("Question: {question}", {"question": "Where is {Oslo}?"}),
    ("{{literal}} {a}{a}", {"a": "x"}),
    ("no field", {}),
    ("{größe_1} 日本 🦊", {"größe_1": "<b>$&</b>"}),
]


@pytest.mark.parametrize(("template", "values"), FILLED)
def test_a_template_is_filled_as_by_the_package_and_the_library(page, template, values):
    wanted = fill(template, **values)

    assert page("filled", template=template, values=values) == wanted
    assert PromptTemplate.from_template(template).format(**values) == wanted


@pytest.mark.parametrize("template", ["{", "}", "{a.b}", "{0}", "{}", "{a!r}", "{a", "{a b}"])
def test_what_the_package_refuses_is_refused(page, template):
    with pytest.raises(PromptError):
        fill(template, a=1)
    with pytest.raises(ValueError, match="brace"):
        page("filled", template=template, values={"a": "1"})


def test_values_that_are_missing_or_left_over_are_named(page):
    found = page("comparedValues", template="{context} {question}", values={"questions": "?"})

    assert found == {"missing": ["context", "question"], "extra": ["questions"]}
    assert page("valuesOf", text="a: 1\n 2\nb:\n c: 3") == {"a": "1\n2", "b": "c: 3"}
    with pytest.raises(ValueError, match="is no value"):
        page("valuesOf", text="no value")


@pytest.mark.parametrize("text", ["Jirshecha. [2]", "Oslo.", "a [1] b [2]]", "a ["])
def test_an_answer_is_taken_apart_as_on_the_page(page, text):
    wanted = run(cell("prompting/langchain", "def cite").split("\n\nprint(")[0])["cite"](text)

    assert page("cite", text=text) == wanted


def page_tools() -> Toolbox:
    """Return the two tools of the page that have an effect, and its search."""
    code = cell("applications/safety", "def set_timer").split("def saying")[0]
    named = run(code, ToolError=ToolError)
    message = Tool.from_function(named["send_message"], needs_approval=True)
    return Toolbox([named["set_timer"], message, named["search"]])


def station(box: Toolbox, text: str) -> str:
    """Return which station of the package stops a text, without approval."""
    try:
        calls = parse_calls(text)
    except ToolCallError:
        return "parser"
    if not calls:
        return "not a call"
    names = {"unknown tool": "allow-list", "bad arguments": "schema", "failed": "tool"}
    return names.get(box.run(calls[0]).outcome, "nothing")


def calls_of_the_page() -> dict[str, str]:
    return run(cell("applications/safety", "MALFORMED = {").split("toolbox =")[0])["MALFORMED"]


def test_every_malformed_call_of_the_page_is_stopped_where_the_package_stops_it(page):
    box = page_tools()
    settings = {"allowed": [tool.name for tool in box], "user": "", "rule": "no check"}
    texts = [
        *calls_of_the_page().values(),
        '{"name": "set_timer", "arguments": {"minutes": 5}}',
        '{"name": "set_timer", "parameters": {"minutes": 5.0}}',
        '{"name": "search", "arguments": {"query": "\\u00e9 日本 🦊 <b>"}}',
        '{"name": "constructor", "arguments": {}}',
        '{"name": "search", "arguments": {"query": "a", "__proto__": "b"}}',
        '{"name": "search", "arguments": {"query": "a"},}',
        '{"name": "search", "arguments": {"query": "a\nb"}}',
        '{"name": "search", "arguments": []}',
        '{"name": "", "arguments": {}}',
        '{"name": "search", "arguments": {"query": 01}}',
        '{"name": "search", "id": "1", "arguments": {"query": "a"}}',
        "[1, 2]", "{}", "", "Hello, {name}!",
    ]  # fmt: skip

    for text in texts:
        found = page("station", turn=text, **settings)

        assert found["station"] == station(box, text), text[:80]


def test_approval_by_the_users_words_is_that_of_the_page(page):
    code = cell("applications/safety", "def in_the_words_of")
    code = "def in_the_words_of" + code.split("def in_the_words_of")[1].split("def nobody")[0]
    in_the_words_of = run(code, re=re)["in_the_words_of"]
    for user in ("Search for honey.", "Tell Bob: I will be late.", "Tell Bobby x2", ""):
        for to, text in (("honey", "Search"), ("Bob", "I will be late"), ("Bob", ""), ("x", "2")):
            turn = json.dumps({"name": "send_message", "arguments": {"to": to, "text": text}})
            (call,) = parse_calls(turn)

            found = page("station", turn=turn, allowed=["send_message"], user=user, rule="words")

            wanted = "nothing" if in_the_words_of(user)(call) else "approval"
            assert found["station"] == wanted, (user, to, text)
    for allowed, rule, wanted in (
        ("search", "words", "allow-list"),
        ("send_message", "nobody", "approval"),
    ):
        found = page("station", turn=turn, allowed=[allowed], user="", rule=rule)

        assert found["station"] == wanted
