"""``python -m deploy.local up|down|status|logs|infra``."""

import sys

from deploy.local.cli import main
from deploy.local.settings import CHECKOUT

# The replay goes through our own Python client, which is in the tree and not installed.
sys.path.insert(0, str(CHECKOUT / "sdks" / "python" / "src"))

main()
