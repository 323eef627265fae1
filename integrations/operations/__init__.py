"""Watching: what is measured, when staff are alerted, and how they hear of it."""
