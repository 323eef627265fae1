"""The outbox: what differs between us and a provider is owed as a row, written, and repaired by staff."""
