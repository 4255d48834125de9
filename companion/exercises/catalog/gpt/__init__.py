"""Exercises on the GPT family, by the pages of the section."""
