"""``python -m deploy.operate``."""

from deploy.operate.cli import main

main()
