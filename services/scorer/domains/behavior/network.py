"""What the client's edge knows about its connection. Private networks (VPN, proxy, Tor) are nobody's fault."""

from typing import Final

import msgspec

from services.scorer.features import Feature, Features
from shared.contracts.behavior import NetworkFacts

NETWORK_FEATURES: Final = {
    "network_datacenter": Feature("bool", "whether a connection came out of a datacentre; none when not told"),
    "network_count": Feature("count", "autonomous systems the session came from, up to 8; 0 when not told"),
}

_REMEMBERED: Final = 8


class NetworkState(msgspec.Struct, array_like=True):
    """Whether a datacentre was seen, and the numbers of the first networks."""

    datacenter: bool | None = None
    systems: list[int] = msgspec.field(default_factory=list)

    def observe(self, facts: list[NetworkFacts]) -> None:
        """Fold what was told in."""
        for told in facts:
            if told.network_type is not None:
                self.datacenter = bool(self.datacenter) or told.network_type == "datacenter"
            if told.asn is not None and told.asn not in self.systems and len(self.systems) < _REMEMBERED:
                self.systems.append(told.asn)

    def values(self) -> Features:
        """Give the features of ``NETWORK_FEATURES``."""
        return {"network_datacenter": self.datacenter, "network_count": len(self.systems)}
