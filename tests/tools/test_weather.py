"""The weather tool and its invented data."""

import json
from importlib.resources import files

import pytest

from companion.errors import ToolError
from companion.pocket.corpus.facts import CAPITALS
from companion.pocket.corpus.tool_calls import _WEATHER
from companion.tools.weather import get_weather, observations


def test_every_capital_that_the_pocket_models_know_has_weather() -> None:
    assert set(observations()) == set(CAPITALS.values())


def test_observations_look_like_those_of_the_training() -> None:
    for observation in observations().values():
        assert list(observation) == ["temperature", "sky"]
        assert type(observation["temperature"]) is int
        assert -9 <= observation["temperature"] <= 35
        assert observation["sky"] in _WEATHER
        assert observation["sky"] != "snowy" or observation["temperature"] <= 2


def test_the_file_and_the_function_say_that_the_data_are_invented() -> None:
    text = files("companion.tools").joinpath("data/weather.json").read_text(encoding="utf-8")

    assert json.loads(text)["note"].startswith("Invented for this book.")
    assert "invented" in get_weather.__doc__


@pytest.mark.parametrize("city", ["Addis Ababa", " addis  ababa ", "ADDIS ABABA"])
def test_case_and_blanks_do_not_matter(city: str) -> None:
    assert get_weather(city) == observations()["Addis Ababa"]


@pytest.mark.parametrize(
    ("city", "told"),
    [
        ("Olso", "no weather for 'Olso'. Did you mean Oslo?"),
        ("Parys", "Did you mean Paris"),
        ("Qqq", "no weather for 'Qqq'. Ask for a capital city."),
        ("", "no weather for ''. Ask for a capital city."),
    ],
)
def test_an_unknown_city_is_told_with_close_names(city: str, told: str) -> None:
    with pytest.raises(ToolError, match=told.replace("?", r"\?")):
        get_weather(city)


def test_a_very_long_name_is_not_repeated_in_full() -> None:
    with pytest.raises(ToolError) as caught:
        get_weather("x" * 100_000)

    assert len(str(caught.value)) < 150


def test_changing_a_result_does_not_change_the_data() -> None:
    get_weather("Rome")["sky"] = "green"

    assert get_weather("Rome")["sky"] != "green"
