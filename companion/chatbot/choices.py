"""What the page can set for its conversation: model, system message, temperature, lengths.

A setting holds from the next message on. One that can't be used is refused, and then none of those
sent with it is changed.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from companion._checks import is_number, is_whole
from companion.chatbot.sessions import Session
from companion.chatbot.settings import default_params
from companion.errors import ConversationError

if TYPE_CHECKING:
    from companion.chatbot.bot import Chatbot

MAX_TEMPERATURE = 5.0
"""Beyond it the words come nearly by chance."""


class ChoiceError(ConversationError):
    """A setting that can't be used.

    Args:
        field: Which one.
        message: Why, and what to do.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class Choices:
    """Reads and changes the settings of a session.

    Args:
        switch: Lets a chatbot go on with the model of a name; None if there is only one model.
    """

    def __init__(self, switch: "Callable[[Chatbot, str], None] | None" = None) -> None:
        self.switch = switch

    def shown(self, session: Session) -> dict[str, Any]:
        """Return what is set, and what there is to choose from."""
        bot = session.bot
        backend, settings = bot.backend, bot.settings
        return {
            "model": session.model,
            "models": list(getattr(backend, "models", [])),
            "switch": self.switch is not None,
            "system": bot.conversation.system or "",
            "temperature": bot.params.temperature if _sends_temperature(backend) else None,
            "max_new_tokens": bot.params.max_new_tokens,
            "context": settings.max_context_tokens,
            "longest": backend.context_length,
        }

    def apply(self, session: Session, wanted: object) -> None:
        """Change settings.

        Args:
            session: Whose. It is idle.
            wanted: Values by the names of `shown`. A number that is missing or None is as at the
                start; a model or system message that is missing stays.

        Raises:
            ChoiceError: If one can't be used.
            CompanionError: If the model can't be loaded.
        """
        if not isinstance(wanted, Mapping):
            raise ConversationError("send the settings as an object")
        before = (session.bot.backend, session.bot.settings, session.defaults, session.model)
        try:
            self._switch(session, wanted.get("model"))
            self._apply(session, wanted)
        except BaseException:
            session.bot.backend, session.bot.settings, session.defaults, session.model = before
            raise
        session.own = True

    def _switch(self, session: Session, model: object) -> None:
        if model in (None, "", session.model):
            return
        if self.switch is None or not isinstance(model, str):
            raise ChoiceError("model", "this chat has one model only")
        bot = session.bot
        bot.backend, bot.settings = session.defaults
        try:
            self.switch(bot, model.strip())
        except ValueError as error:  # of this package or of a library: both say it in words
            raise ChoiceError("model", " ".join(str(error).split())) from None
        session.defaults, session.model = (bot.backend, bot.settings), model.strip()

    def _apply(self, session: Session, wanted: Mapping[str, Any]) -> None:
        """Check the numbers and the system message, and set all of it."""
        bot, (backend, settings) = session.bot, session.defaults
        context = _whole(wanted, "context", "The context", backend.context_length)
        room = context or settings.max_context_tokens or backend.context_length
        limit = _whole(wanted, "max_new_tokens", "The length of an answer", room - 1)
        params = settings.params or default_params(room)
        temperature = wanted.get("temperature")
        if temperature is not None:
            if not is_number(temperature) or not 0 <= temperature <= MAX_TEMPERATURE:
                rule = f"The temperature must be from 0 to {MAX_TEMPERATURE:g}"
                raise ChoiceError("temperature", f"{rule}, got {temperature!r:.40}")
            params = replace(params, temperature=float(temperature))
            if not _sends_temperature(backend):
                backend = copy.copy(backend)  # the session keeps the one that it comes from
                backend.sampling = True
        params = replace(params, max_new_tokens=limit or min(params.max_new_tokens, room - 1))
        bot.backend = backend
        bot.settings = replace(
            settings, params=params, max_context_tokens=context or settings.max_context_tokens
        )
        text = wanted.get("system", bot.conversation.system)
        bot.conversation.system = _system(bot, text, room - params.max_new_tokens)


def _sends_temperature(backend: Any) -> bool:
    """Tell whether the temperature is ours to set: an endpoint may be left to choose it."""
    return getattr(backend, "sampling", True)


def _whole(wanted: Mapping[str, Any], field: str, name: str, most: int) -> int | None:
    value = wanted.get(field)
    if value is not None and not (is_whole(value) and value <= most):
        raise ChoiceError(
            field, f"{name} must be a whole number of tokens from 1 to {most}, got {value!r:.40}"
        )
    return value


def _system(bot: "Chatbot", text: object, room: int) -> str | None:
    """Return the system message if the model takes it and has room for it; None for none."""
    if not isinstance(text, str | None):
        raise ChoiceError("system", "The system message must be text")
    text = text.strip() if text else ""
    if not text:
        return None
    if bot.settings.redact:
        text = bot.settings.redact(text)
    messages = [{"role": "system", "content": text}, {"role": "user", "content": "Hello"}]
    try:
        count = bot.backend.count_tokens(messages)
    except ValueError as error:
        raise ChoiceError("system", " ".join(str(error).split())) from None
    if count > room:
        raise ChoiceError(
            "system", f"The system message has {count} tokens, and there is room for {room}"
        )
    return text
