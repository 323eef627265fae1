"""Historical imports: files of a provider's members and orders, previewed and applied as the events of webhooks."""
