"""People: contacts, their addresses and identities, members, companies."""
