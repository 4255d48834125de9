"""Stages of long experiments: what is finished is kept until all of it is."""

import pytest
from _experiments._stages import stages


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("COMPANION_CACHE", str(tmp_path))
    return tmp_path / "experiments"


def interrupted() -> None:
    raise KeyboardInterrupt


def run(first, second, *, steps=1) -> list:
    with stages("run", steps=steps) as stage:
        return [stage("first", first), stage("second", second)]


def test_a_stage_that_is_finished_is_not_done_again_after_a_stop(cache) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(lambda: {"loss": 1}, interrupted)

    assert run(interrupted, lambda: 2) == [{"loss": 1}, 2]


def test_an_experiment_that_is_done_leaves_nothing_behind(cache) -> None:
    with stages("run", steps=1) as stage:
        stage("first", lambda: 1)
        (stage.folder / "checkpoint").mkdir()

    assert list(cache.iterdir()) == []


def test_with_other_settings_everything_is_measured_anew(cache) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(lambda: 1, interrupted)

    assert run(lambda: 2, lambda: 3, steps=2) == [2, 3]
