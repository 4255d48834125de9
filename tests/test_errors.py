"""The exception tree and the error for a missing extra."""

import pytest

from companion import errors

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
