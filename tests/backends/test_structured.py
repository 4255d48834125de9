"""Structured output: whatever the model wants, what it writes keeps to the schema."""

import json

import jsonschema
import pytest
import torch

from companion.backends.structured import SchemaConstraint, bounded, json_rule, response_format
from companion.errors import ToolDefinitionError
from companion.generation.decoding import generate
from companion.generation.params import SamplingParams

BOOKING = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 6},
        "day": {"enum": ["Monday", "Tuesday"]},
        "guests": {"type": "integer", "minimum": 1, "maximum": 12},
        "outside": {"type": "boolean"},
        "wishes": {"type": "array", "items": {"enum": ["cake", "quiet"]}, "maxItems": 2},
    },
    "required": ["name", "day", "guests", "outside", "wishes"],
    "additionalProperties": False,
}
YES = {"enum": ["yes"]}


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(3))
def test_a_model_without_any_idea_writes_json_of_the_schema(uniform_model, tokenizer, seed) -> None:
    constraint = SchemaConstraint(uniform_model, tokenizer, BOOKING)
    params = SamplingParams(max_new_tokens=200, temperature=1)

    made = generate(
        uniform_model,
        tokenizer,
        ["a", "a longer prompt"],
        params,
        generator=seeded(seed),
        logits_filter=constraint,
    )

    for one in made:
        value = json.loads(one.text)
        jsonschema.validate(value, BOOKING)
        assert one.text == json.dumps(value, ensure_ascii=False) or "\\" in one.text
        assert one.finish_reason == "eos"


def test_each_sequence_can_have_a_schema_of_its_own(uniform_model, tokenizer) -> None:
    constraint = SchemaConstraint(uniform_model, tokenizer, [YES, {"const": 12}])
    params = SamplingParams(max_new_tokens=9, temperature=0)

    made = generate(uniform_model, tokenizer, ["a", "b"], params, logits_filter=constraint)

    assert [one.text for one in made] == ['"yes"', "12"]


def test_a_text_ends_though_the_schema_sets_it_no_limit(uniform_model, tokenizer) -> None:
    constraint = SchemaConstraint(uniform_model, tokenizer, {"type": "string"}, max_string=4)
    params = SamplingParams(max_new_tokens=60, temperature=1)

    (made,) = generate(
        uniform_model, tokenizer, "a", params, generator=seeded(0), logits_filter=constraint
    )

    assert len(json.loads(made.text)) <= 4


@pytest.mark.parametrize(
    "rule", [{"uniqueItems": True}, {"not": {"const": 1}}, {"pattern": "^(?=a)"}]
)
def test_a_rule_that_no_grammar_can_keep_is_refused(uniform_model, tokenizer, rule) -> None:
    kind = "string" if "pattern" in rule else "array"

    with pytest.raises(ToolDefinitionError, match="no grammar"):
        SchemaConstraint(uniform_model, tokenizer, {"type": kind, **rule})


def test_bounds_are_added_where_there_are_none() -> None:
    assert bounded({"type": "string", "maxLength": 3}) == {"type": "string", "maxLength": 3}
    assert bounded({"enum": ["a"], "type": "string"}) == {"enum": ["a"], "type": "string"}
    assert bounded({"type": ["integer", "null"]})["maximum"] == 2**53
    assert bounded({"type": "number"})["multipleOf"] == 1e-6
    assert bounded({"type": "array", "items": {"type": "string"}}, 5) == {
        "type": "array",
        "items": {"type": "string", "maxLength": 5},
        "maxItems": 16,
    }
    assert bounded({"properties": {"type": {"type": "string"}}})["properties"]["type"] == {
        "type": "string",
        "maxLength": 200,
    }


def test_the_rule_of_a_schema_has_the_spacing_of_json_dumps() -> None:
    rule = json_rule(YES)

    assert rule.startswith("%json ")
    assert json.loads(rule.removeprefix("%json "))["x-guidance"]["item_separator"] == ", "


def test_the_form_of_a_request_holds_name_and_schema() -> None:
    assert response_format("answer", YES) == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "strict": True, "schema": YES},
    }


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"$ref": "#"}, "no token can come first"),
        ({"anyOf": [{"$ref": "#"}]}, "no token can come first"),
        ({"anyOf": []}, "anyOf is empty"),
        ({"type": "string", "pattern": "("}, "unclosed group"),
    ],
)
def test_a_schema_that_nothing_fits_is_refused_before_anything_is_written(
    uniform_model, tokenizer, schema: dict, message: str
) -> None:
    with pytest.raises(ToolDefinitionError, match=message) as refused:
        SchemaConstraint(uniform_model, tokenizer, schema)

    assert "start:" not in str(refused.value)  # the grammar is ours, and says nothing to a user
