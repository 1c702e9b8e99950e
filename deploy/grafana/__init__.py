"""Grafana as code: ``rows/`` says what is shown, ``python -m deploy.grafana`` writes ``dashboards/spine.json``."""
