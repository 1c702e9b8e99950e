"""Counts of what was sent and judged, for tenants over HTTP and for operators as metrics. Reads only."""
