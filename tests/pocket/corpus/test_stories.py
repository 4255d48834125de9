"""Stories are varied."""

import random

from companion.pocket.corpus import (
    stories,
)


def test_stories_are_varied():
    rng = random.Random(0)

    beginnings = {" ".join(stories.story(rng)[:2]) for _ in range(500)}

    assert len(beginnings) > 480
