"""What a setting is called where the user sits: an argument in Python, an option on a command line.

A message says what to do next, and that differs: somebody who types ``companion chat`` can't set
``timeout=``, but can give ``--timeout``. Who writes a message does not know who will read it. So
it names settings by `called` and gives advice by `advice`, and the command line declares its own
names by `speaking` while it runs. Advice that needs a setting which an interface does not have is
left out there.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

_names: ContextVar[Mapping[str, str] | None] = ContextVar("names", default=None)


@contextmanager
def speaking(names: Mapping[str, str]) -> Iterator[None]:
    """Let messages name settings as an interface does, as long as the block lasts.

    Args:
        names: From an argument in Python to its name in the interface: ``{"timeout":
            "--timeout"}``. One value can have a name of its own: ``{"tool_form='instruction'":
            "--text-tools"}``. A name that ends in ``=``, as that of an environment variable does,
            stands close to its value.
    """
    token = _names.set(names)
    try:
        yield
    finally:
        _names.reset(token)


def called(name: str) -> str:
    """Return the name of a setting in the interface in use; the given one if it has no other.

    Example:
        >>> with speaking({"max_new_tokens": "--max-new-tokens"}):
        ...     called("max_new_tokens"), called("k")
        ('--max-new-tokens', 'k')
    """
    return (_names.get() or {}).get(name, name)


def advice(text: str, /, **settings: object) -> str:
    """Return advice in the words of the interface in use; nothing where it can't be followed.

    Args:
        text: The advice, with each setting in braces.
        settings: For each of them the value to give it, or None if there is no certain one.

    Example:
        >>> advice(" Wait longer ({timeout}).", timeout=None)
        ' Wait longer (timeout).'
        >>> with speaking({"timeout": "--timeout", "source": "COMPANION_MODELS="}):
        ...     advice(" Wait longer ({timeout}).", timeout=None)
        ...     advice(" Use {source}.", source="pocket")
        ...     advice(" Raise {max_bytes}.", max_bytes=None)
        ' Wait longer (--timeout).'
        ' Use COMPANION_MODELS=pocket.'
        ''
    """
    names = _names.get()
    parts = {}
    for name, value in settings.items():
        python = name if value is None else f"{name}={value!r}"
        if names is None:
            parts[name] = python
        elif python in names:
            parts[name] = names[python]
        elif name in names:
            blank = "" if names[name].endswith("=") else " "
            parts[name] = f"{names[name]}{blank}{value}"
        else:
            return ""
    return text.format(**parts)
