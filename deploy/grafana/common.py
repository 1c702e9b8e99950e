"""What several rows share."""

from typing import Final

ZERO_IS_GOOD: Final = (("red", None), ("green", 0.0), ("red", 1.0))
FEW_ARE_FINE: Final = (("green", None), ("orange", 1_000.0), ("red", 100_000.0))
VERDICT_GOAL: Final = (("green", None), ("orange", 0.02), ("red", 0.5))  # p99 goal: 20 ms
IN_FLIGHT: Final = (
    "sum{by} (telltale_delivery_accepted_records)"
    " - sum{by} (telltale_delivery_outcome_records)"
    " - sum{by} (telltale_delivery_unaccounted_records)"
)
TENANT: Final = "(${tenant:sqlstring} = '*' OR tenant_id = ${tenant:sqlstring})"
