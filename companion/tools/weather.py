"""A weather tool over bundled data, so that it works without a network.

**The data are invented for this book.** No service measured them, and they never change:
``data/weather.json`` says so as well. A real tool has the same signature and asks a service.
Taught in :doc:`/book/applications/function-calling`.
"""

import difflib
import json
from functools import cache
from importlib.resources import files

from companion.errors import ToolError
from companion.tools.tool import shown_by


@shown_by(
    ("What is the weather in Paris?", {"city": "Paris"}),
    ("Is it cold in Moscow today?", {"city": "Moscow"}),
    ("Will I need a coat in Warsaw?", {"city": "Warsaw"}),
    ("How hot is Delhi at the moment?", {"city": "Delhi"}),
)
def get_weather(city: str) -> dict[str, int | str]:
    """Get the current weather in a city.

    The observations are invented for this book; the cities are some fifty capitals. Upper and
    lower case are the same. Taught in :doc:`/book/applications/function-calling`.

    Args:
        city: Name of the city, such as Paris.

    Returns:
        ``{"temperature": whole degrees Celsius, "sky": one word}``.

    Raises:
        ToolError: If the city is not in the data. It names cities that are written like it.

    Example:
        >>> sorted(get_weather("Paris"))
        ['sky', 'temperature']
        >>> get_weather("Pariss")
        Traceback (most recent call last):
        companion.errors.ToolError: no weather for 'Pariss'. Did you mean Paris?
    """
    cities = {name.casefold(): name for name in observations()}
    wanted = " ".join(city.split()).casefold()
    if wanted in cities:
        return dict(observations()[cities[wanted]])
    close = [cities[name] for name in difflib.get_close_matches(wanted[:60], cities, 3, cutoff=0.7)]
    hint = f"Did you mean {' or '.join(close)}?" if close else "Ask for a capital city."
    raise ToolError(f"no weather for {city[:60]!r}. {hint}")


@cache
def observations() -> dict[str, dict[str, int | str]]:
    """Return the invented observation of each city."""
    text = files("companion.tools").joinpath("data/weather.json").read_text(encoding="utf-8")
    return json.loads(text)["observations"]
