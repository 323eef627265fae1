"""Reconciliation: a provider's own lists → the same facts → the same handlers. It finds what fired no webhook."""
