"""A shop to try the system on: a checkout that asks for the verdict before it takes an order."""
