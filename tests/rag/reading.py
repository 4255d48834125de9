"""Files read as readers do, or what is said of them."""

from companion.errors import DocumentError
from companion.rag.readers import read_sections
from companion.rag.sections import Section


def read(data: bytes | str, kind: str, **options: object) -> list[Section]:
    data = data.encode() if isinstance(data, str) else data
    return read_sections(data, kind, name=f"file{kind}", **options)


def read_or_error(data: bytes | str, kind: str, **options: object) -> list[Section] | str:
    """Return the sections, or the message of the only error that is allowed."""
    try:
        return read(data, kind, **options)
    except DocumentError as error:
        return str(error)
