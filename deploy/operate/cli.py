"""The commands."""

import logging

import click

from deploy.operate.doctor.command import doctor


@click.group()
def main() -> None:
    """Look after a running system."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a broker that is away is an answer here, not news


main.add_command(doctor)
