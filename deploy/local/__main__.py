"""``python -m deploy.local up|down|status|logs|infra``."""

from deploy.local.cli import main

main()
