"""The session API: sessions started by name, behaviour posted to them in many spellings, verdicts in the answer."""
