"""What crosses a service boundary: contracts, topics, codec, tenancy, errors, settings, telemetry."""
