"""Reconciliation: a provider's own lists → the same events → the same handlers. It learns what fires no webhook."""
