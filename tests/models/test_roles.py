"""Roles: names become models, each at a commit of its own."""

import re

import pytest

from companion.errors import (
    UnknownModelError,
)
from companion.models import (
    HUB_MODELS,
    ROLES,
    load,
)
from companion.models.roles import resolve


@pytest.mark.parametrize(
    ("name", "hub_id"),
    [("base", "openai-community/gpt2"), ("gpt2", "openai-community/gpt2"), ("a/b", "a/b")],
)
def test_names_resolve_to_hub_ids(name: str, hub_id: str) -> None:
    assert resolve(name, "hub").hub_id == hub_id


def test_a_role_without_hub_model_says_so() -> None:
    with pytest.raises(UnknownModelError, match="no Hub model for the role 'reward'"):
        load("reward", source="hub")


def test_the_source_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPANION_MODELS", "hubb")

    with pytest.raises(ValueError, match="source must be 'pocket', 'open' or 'hub', got 'hubb'"):
        load("base")


def test_every_hub_role_is_pinned_to_a_commit() -> None:
    ids = {role.hub_id for role in ROLES.values() if role.hub_id}

    assert ids <= set(HUB_MODELS)
    assert all(len(bytes.fromhex(model.revision)) == 20 for model in HUB_MODELS.values())


def test_every_model_of_the_list_is_pinned_to_a_commit_of_its_own() -> None:
    commits = [model.revision for model in HUB_MODELS.values()]

    assert all(re.fullmatch("[0-9a-f]{40}", commit) for commit in commits)
    assert len(set(commits)) == len(commits)


def test_each_role_has_the_one_model_that_says_so() -> None:
    filled = {model.role: hub_id for hub_id, model in HUB_MODELS.items() if model.role}

    assert filled == {name: role.hub_id for name, role in ROLES.items() if role.hub_id}
    assert len(filled) == sum(model.role is not None for model in HUB_MODELS.values()) == 3


def test_downloads_are_as_large_as_the_parameters_in_2_or_4_bytes() -> None:
    for model in HUB_MODELS.values():
        per_parameter = model.download_bytes / model.parameters

        assert any(0.99 * size < per_parameter < 1.27 * size for size in (2, 4))
