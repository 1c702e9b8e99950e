"""One file a rule; the file name is the rule id. A new file here is all a new rule needs."""
