"""What the page can set: a setting that can't be used changes nothing."""

import pytest

from companion.chatbot import Chatbot
from companion.chatbot.choices import ChoiceError
from companion.errors import UnknownModelError
from tests.chatbot.page import ask


class Endpoint:
    """A backend that leaves the temperature to its server, and lists models."""

    context_length, sampling, models = 1000, False, ["a", "b"]

    def count_tokens(self, messages: list[dict]) -> int:
        return sum(len(message["content"].split()) for message in messages)

    def stream(self, messages: list[dict], params: object):
        yield f"{self.sampling} {params.temperature} {params.max_new_tokens}"


def test_settings_hold_from_the_next_message_on(make_routes) -> None:
    routes = make_routes(lambda: Chatbot(Endpoint()))
    name = routes.enter({})["session"]
    assert routes.settings({"session": name})["temperature"] is None

    wanted = {"system": "Be brief.", "temperature": 0.5, "max_new_tokens": 7, "context": 100}
    shown = routes.settings({"session": name, "set": wanted})

    assert {field: shown[field] for field in wanted} == wanted
    assert ask(routes, name, "hi")["text"] == "True 0.5 7"
    routes.settings({"session": name, "set": {}})
    assert ask(routes, name, "hi")["text"] == "False 0 125"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("temperature", value) for value in (-0.1, 5.1, "hot", True, [1], 1e999)],
        *[("max_new_tokens", value) for value in (0, -1, 1.5, "x", 1000, True)],
        *[("context", value) for value in (0, 1001, "all", 2.0)],
        *[("system", value) for value in (3, ["x"], "word " * 1000)],
        *[("model", value) for value in ("c", 3, ["a"])],
    ],
)
def test_bad_settings_are_refused_in_words_and_change_nothing(
    field: str, value: object, make_routes
) -> None:
    def switch(bot: Chatbot, model: str) -> None:
        raise UnknownModelError(f"there is no {model}")

    routes = make_routes(lambda: Chatbot(Endpoint()), switch)
    name = routes.enter({})["session"]
    before = routes.settings({"session": name})

    with pytest.raises(ChoiceError) as error:
        routes.settings({"session": name, "set": {"temperature": 0.3, field: value}})

    assert error.value.field == field
    assert len(str(error.value)) > 10
    assert routes.settings({"session": name}) == before


def test_the_model_is_switched(make_routes, scripted) -> None:
    def switch(bot: Chatbot, model: str) -> None:
        bot.backend = scripted(model)

    routes = make_routes(lambda: Chatbot(Endpoint()), switch)
    name = routes.enter({})["session"]

    routes.settings({"session": name, "set": {"model": " b "}})

    assert routes.enter({"session": name})["model"] == "b"
    assert ask(routes, name, "hi")["text"] == "b"
