"""The gateway: authenticate, validate, stamp, publish, answer. It holds no state that matters and never judges."""
