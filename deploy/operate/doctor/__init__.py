"""Walk the path of an event with a probe batch and name the first broken stage."""
