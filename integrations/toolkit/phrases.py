"""Phrases of log lines that more than one provider's documents name."""

from integrations.contracts.phrases import Phrases, field_names


def in_and_out(name: str) -> Phrases:
    """Return the phrases of a two-way sync: the payload and its result, under the `name` of its endpoint.

    The names of a payload's fields stand for the payload; one that cannot be read shows none.
    """
    return Phrases(
        received=lambda it: f"[INCOMING] {name} - Payload: {field_names(it.payload) if it.payload else 'unreadable'}",
        processed=lambda it, changes: f"[OUTGOING] {name} - Response: {changes or 'nothing changed'}",
        failed=lambda it, reason: f"[OUTGOING] {name} - Error: {reason}",
    )
