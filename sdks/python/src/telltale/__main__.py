"""``python -m telltale`` is the command ``telltale``."""

from telltale._cli import main

main()
