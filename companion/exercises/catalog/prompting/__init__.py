"""Exercises on prompting, by the pages of the section."""
