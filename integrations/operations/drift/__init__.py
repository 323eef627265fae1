"""Drift: fields of payloads that a parser reads and that disappear, move or change their type."""
