"""Messages of guests say what their bookings hold, and the splits share none."""

import jsonschema

from companion.pocket.studies.bookings import SCHEMA, bookings


def test_messages_and_bookings_fit_and_the_splits_share_none() -> None:
    splits = {split: bookings(split, 36) for split in ("held_out", "development", "examples")}

    for drawn in splits.values():
        for text, booking in drawn:
            jsonschema.validate(booking, SCHEMA)
            assert booking["name"] in text
            assert f"{booking['guests']}" in text
            assert booking["day"] in text
    texts = [text for drawn in splits.values() for text, _ in drawn]
    assert len({text for text, _ in splits["held_out"]} & {t for t, _ in splits["examples"]}) == 0
    assert len(set(texts)) > 60
