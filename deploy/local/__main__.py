"""``python -m deploy.local up|down|restart|status|logs``."""

from deploy.local.cli import main

main()
