"""``python -m deploy.operate doctor``."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

import click
import httpx

from deploy.local.settings import StackSettings
from deploy.operate.doctor.examine import Finding, State, examine
from deploy.operate.doctor.looks import look_at, next_command, words
from deploy.operate.doctor.report import document, line, sentence
from deploy.operate.doctor.stages import STAGES
from deploy.operate.doctor.walk import Walk

_BUDGET_S: Final = 12.0
_COLOURS: Final = {State.OK: "green", State.SLOW: "yellow", State.BROKEN: "red", State.SKIPPED: "white"}


@click.command()
def doctor() -> None:
    """Send a probe batch along the path of an event; name the first broken stage and the next command."""
    findings = asyncio.run(_diagnose(StackSettings()))
    click.echo(sentence(findings))
    told = document(findings)
    click.echo(json.dumps(told))
    sys.exit(not told["healthy"])


async def _diagnose(settings: StackSettings) -> list[Finding]:
    async with _walking(settings) as walk:

        async def explain(name: str) -> tuple[str, str]:
            looks = await look_at(walk.part(name))
            return words(looks), next_command(looks)

        def heard(finding: Finding) -> None:
            shown = without_secrets(finding, walk.secrets)
            click.echo(click.style(line(shown), fg=_COLOURS[finding.state]))

        findings = await examine(STAGES, walk, explain, budget_s=_BUDGET_S, heard=heard)
        return [without_secrets(finding, walk.secrets) for finding in findings]


@contextlib.asynccontextmanager
async def _walking(settings: StackSettings) -> AsyncIterator[Walk]:
    # Each stage has its own time limit.
    async with httpx.AsyncClient(timeout=None, trust_env=False) as client:
        walk = Walk(settings, client)
        try:
            yield walk
        finally:
            await walk.close()


def without_secrets(finding: Finding, secrets: list[str]) -> Finding:
    """Blot out secrets; an error message of a library may quote an address with its password."""
    answered = finding.answered
    for secret in secrets:
        answered = answered.replace(secret, "***") if secret else answered
    return replace(finding, answered=answered)
