"""The connection comes out of a datacentre.

Programs run there, and few people do. But desktops in the cloud and private networks end there as well, so this only
adds to other evidence. VPN, proxy and Tor, where the edge tells them apart, are no part of it.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="NETWORK_DATACENTER",
    weight=0.2,
    message="The connection comes out of a datacentre.",
    when=(at_least("network_datacenter", 1, why="a plain yes or no, told by the edge"),),
    cases=(
        hit("a server", network_datacenter=True),
        no_hit("a home", network_datacenter=False),
        unknown("the edge does not know", network_datacenter=None),
    ),
)
