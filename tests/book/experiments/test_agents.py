"""What failed first in an episode is named, and old results can be hidden from the model."""

import pytest
from _experiments import _episodes as episodes
from _experiments import agents as study

from companion.pocket.corpus import chains
from companion.pocket.records import record
from companion.pocket.studies.agents import GREEDY, run_together
from tests.scripted import ASKED, GOOD, Scripted, call, notes, run


def test_a_right_episode_has_no_failure():
    assert episodes.failure(run(notes(), *GOOD)) == ""


@pytest.mark.parametrize(
    ("texts", "settings", "name"),
    [
        (["It is Tarp."], {}, "stopped early"),
        (["It is Tarpas."], {}, "stopped early"),  # the name is a part of another
        ([*GOOD[:2], "It is Felk."], {}, "misread"),
        ([call("Where was Gonzor born?"), "It is Oslo."], {}, "wrong name"),
        ([GOOD[0].replace('"search"', '"look"'), "It is Oslo."], {}, "wrong tool"),
        ([GOOD[0], chains.GIVING_UP], {}, "gave up"),
        ([GOOD[0], GOOD[1]], {"max_steps": 1}, "out of steps"),
    ],
)
def test_what_failed_first_is_named(texts, settings, name):
    assert episodes.failure(run(notes(), *texts, **settings)) == name


def test_a_conversation_without_room_has_a_full_context():
    backend = Scripted(*GOOD)
    backend.context_length = GREEDY.max_new_tokens + 60

    (one,) = run_together(backend, [ASKED], notes())

    assert episodes.failure(one) == "context full"


def test_only_the_newest_result_is_shown():
    backend = Scripted(*GOOD)

    (one,) = run_together(backend, [ASKED], notes(), view=episodes.clear_old)

    results = [m["content"] for m in backend.shown[2][0] if m["role"] == "tool"]
    assert results == ['{"notes": []}', '{"notes": ["Bupos was born in Tarpa."]}']
    assert "Zorin works for Bupos." in str(one.run.messages)


def test_the_record_has_what_the_page_shows():
    run = record("agents")

    assert set(run["hops"]) == set(map(str, study.HOPS))
    for found in run["hops"].values():
        assert found["right"] + sum(found["failures"].values()) == found["items"]
        assert len(found["calls"]) == found["right"]
        assert len(found["found"]) == found["items"]
