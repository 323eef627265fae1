"""Dates as people read them: one style for each language, day first and 24 hours."""
