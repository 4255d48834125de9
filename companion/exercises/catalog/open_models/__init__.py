"""Exercises on open models, by the pages of the section."""
