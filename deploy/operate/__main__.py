"""``python -m deploy.operate reconcile|dead-letters|doctor|replay``."""

from deploy.operate.cli import main

main()
