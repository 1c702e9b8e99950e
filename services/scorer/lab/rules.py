"""Print the rule list: ``python -m services.scorer.lab.rules``."""

import sys

from rich.console import Console
from rich.table import Table

from services.scorer.pipeline import load_ruleset, scored_domains
from shared.topics import Domain


def rule_table(domain: Domain) -> Table:
    """Lay a domain's rules out as a table."""
    ruleset = load_ruleset(domain)
    table = Table(title=f"{domain}: {len(ruleset.rules)} rules, ruleset {ruleset.version}", show_lines=True)
    for heading in ("rule", "weight", "hits when", "once seen"):
        table.add_column(heading, overflow="fold")
    for row in ruleset.describe():
        table.add_row(row["id"], f"{row['weight']:g}", _bounds(row["when"]), _bounds(row["enough"]))
    return table


def _bounds(bounds: list[dict[str, object]]) -> str:
    return "\n".join(f"{bound['feature']} {bound['direction']} {bound['value']:g}" for bound in bounds)


def main() -> None:
    """Print every domain's rules."""
    console = Console(file=sys.stdout)
    for domain in scored_domains():
        console.print(rule_table(domain))


if __name__ == "__main__":
    main()
