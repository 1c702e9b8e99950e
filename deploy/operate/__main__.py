"""``python -m deploy.operate reconcile|dead-letters|doctor``."""

from deploy.operate.cli import main

main()
