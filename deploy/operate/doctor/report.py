"""What the findings come to: a line each, one sentence, one JSON object. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from deploy.operate.doctor.examine import Finding, State


def first_broken(findings: Sequence[Finding]) -> Finding | None:
    """Give the first stage that breaks the path; else the first that only degrades it; else None."""
    broken = [finding for finding in findings if finding.state is State.BROKEN]
    return next((finding for finding in broken if not finding.without), broken[0] if broken else None)


def line(finding: Finding) -> str:
    """Show one finding."""
    took = f"{finding.took_ms:6.0f} ms" if finding.state is not State.SKIPPED else " " * 9
    return f"{finding.state:<8}{finding.name:<11}{took}  {finding.answered}"


def sentence(findings: Sequence[Finding]) -> str:
    """Say what it comes to and what to do next."""
    worst = first_broken(findings)
    if worst is None:
        slow = [finding.name for finding in findings if finding.state is State.SLOW]
        took_ms = sum(finding.took_ms for finding in findings)
        return f"healthy: a probe went the whole path in {took_ms:.0f} ms" + (
            f"; slow at {', '.join(slow)}" if slow else ""
        )
    asked = f"asked {worst.asked!r}, answered after {worst.took_ms:.0f} ms: {worst.answered}"
    kind, costs = ("degraded", f" Meanwhile {worst.without}.") if worst.without else ("broken", "")
    return f"{kind} at {worst.name}: {asked}.{costs}\nnext: {worst.next_command}"


def document(findings: Sequence[Finding]) -> dict[str, Any]:
    """Give the findings as JSON-ready data."""
    worst = first_broken(findings)
    return {
        "healthy": worst is None,
        "broken_stage": worst and worst.name,
        "evidence": worst and {"asked": worst.asked, "answered": worst.answered, "took_ms": worst.took_ms},
        "next_command": worst and worst.next_command,
        "stages": [{name: value for name, value in asdict(finding).items() if value != ""} for finding in findings],
    }
