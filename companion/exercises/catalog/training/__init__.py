"""Exercises on training, by the pages of the section."""
