"""The exception tree and the error for a missing extra."""

import sys
import types

import pytest

from companion import errors
from companion._extras import require

OWN = [value for value in vars(errors).values() if isinstance(value, type)]


@pytest.mark.parametrize("error", OWN, ids=lambda error: error.__name__)
def test_every_own_exception_is_a_companion_error(error: type[Exception]) -> None:
    assert issubclass(error, errors.CompanionError)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (errors.UnknownModelError, ValueError),
        (errors.ContextLengthError, ValueError),
        (errors.MissingExtraError, ImportError),
    ],
)
def test_bad_arguments_are_also_the_builtin_that_python_users_expect(
    error: type[Exception], builtin: type[Exception]
) -> None:
    assert issubclass(error, builtin)


def test_require_returns_the_module() -> None:
    assert require("json.decoder", extra="train").JSONDecoder


@pytest.mark.parametrize("module", ["surely_not_installed", "surely_not_installed.part"])
def test_a_missing_library_names_its_extra(module: str) -> None:
    with pytest.raises(
        errors.MissingExtraError,
        match=r"surely_not_installed is not installed.*pip install 'companion\[rag\]'",
    ):
        require(module, extra="rag")


def test_a_missing_part_of_an_installed_library_names_the_extra_too() -> None:
    with pytest.raises(errors.MissingExtraError, match=r"json.surely_not_there is not installed"):
        require("json.surely_not_there", extra="rag")


def test_an_import_error_inside_a_library_is_passed_on(
    tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_library.py").write_text("import surely_not_installed\n")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(ModuleNotFoundError, match="surely_not_installed") as caught:
        require("broken_library", extra="rag")

    assert not isinstance(caught.value, errors.MissingExtraError)
    assert not isinstance(sys.modules.get("broken_library"), types.ModuleType)
