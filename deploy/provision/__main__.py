"""``python -m deploy.provision``: make broker and database ready; ``tenant`` and ``key`` look after tenants."""

from deploy.provision.cli import main

main()
