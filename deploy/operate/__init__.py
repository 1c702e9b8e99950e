"""Commands for whoever looks after a running system."""
