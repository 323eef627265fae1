"""Historical files of a provider's members and orders: read, shown, and told as the events that webhooks tell."""
