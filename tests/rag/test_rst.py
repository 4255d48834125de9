"""reStructuredText as prose."""

from docutils.parsers.rst import directives, roles

from companion.rag.sections import Section
from tests.rag.reading import read

RST = """
Shop
====

See :ref:`the shop <x>` and |this|.

.. note:: Take *care*.

.. versionadded:: 1.2
   New things.

.. toctree::
   :maxdepth: 2

   other

.. code-block:: python

   x = 1

Returns
-------

.. tab:: Kettles
   :class: x

   30 days.

- a list
- of two

.. include:: /etc/passwd
"""


def test_restructured_text_is_read_with_what_docutils_does_not_know() -> None:
    assert read(RST, ".rst") == [
        Section(
            "See the shop and |this|.\n\nNote\n\nTake care.\n\n1.2\n\nNew things.", "Shop", "Shop"
        ),
        Section("Kettles\n\n30 days.\n\n- a list\n\n- of two", "Shop", "Returns"),
    ]
    assert "x = 1" in read(RST, ".rst", code=True)[0].text


def test_what_other_libraries_have_added_to_docutils_does_not_disturb(monkeypatch) -> None:
    """Sphinx adds its directives and roles for the whole process; outside a build they fail."""
    before = read(RST, ".rst")

    def failing(*arguments: object) -> None:
        raise AttributeError("'Values' object has no attribute 'env'")

    for added in (directives._directives, roles._roles):
        for name in ("versionadded", "note", "term", "ref", "doc"):
            monkeypatch.setitem(added, name, failing)

    assert read(RST, ".rst") == before
    assert directives._directives["versionadded"] is failing
    assert roles._roles["term"] is failing
