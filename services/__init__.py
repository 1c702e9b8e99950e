"""The services of Telltale; none imports another."""
