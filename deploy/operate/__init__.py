"""Commands for whoever runs the system: is everything accounted for, and where does it hang."""
