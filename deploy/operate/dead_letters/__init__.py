"""Dead letters: list them, look into one, send them on again once each."""
