"""Exercises on applications, by the pages of the section."""
