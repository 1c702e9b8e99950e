"""People and bots: pointer, keys, device."""
