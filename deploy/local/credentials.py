"""Passwords and the demo tenant's key: made at first start, kept in one file only its owner can read."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.provision.roles import ROLES, password_field

ADMIN: Final = "telltale_admin"
DEMO_KEY: Final = "TELLTALE_DEMO_API_KEY"
DEMO_PAGE_KEY: Final = "TELLTALE_DEMO_PAGE_KEY"
_FILE_NAME: Final = "secrets.env"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """The instance's secrets. Its representation shows none of them."""

    values: dict[str, str]

    def password(self, role: str) -> str:
        """Give the password of a database role."""
        return self.values[password_name(role)]

    @property
    def redis_password(self) -> str:
        """Password every Redis client must give."""
        return self.values["TELLTALE_REDIS_PASSWORD"]


def password_name(role: str) -> str:
    """Name the variable that carries a role's password, e.g. ``TELLTALE_OWNER_PASSWORD``."""
    return f"TELLTALE_{password_field(role).upper()}"


def secrets_file(root: Path) -> Path:
    """Give where an instance keeps its secrets."""
    return root / _FILE_NAME


def load_credentials(root: Path) -> Credentials:
    """Read the secrets file, adding what it lacks."""
    path = secrets_file(root)
    values = _read(path) if path.exists() else {}
    wanted = [password_name(ADMIN), *(password_name(role.name) for role in ROLES), "TELLTALE_REDIS_PASSWORD"]
    made = {name: secrets.token_urlsafe(24) for name in wanted if name not in values}
    if made:
        values |= made
        _write(path, values)
    return Credentials(values)


def save_secret(root: Path, name: str, value: str) -> None:
    """Add a secret to the file, or change it."""
    _write(secrets_file(root), _read(secrets_file(root)) | {name: value})


def _read(path: Path) -> dict[str, str]:
    lines = (line.partition("=") for line in path.read_text().splitlines() if "=" in line)
    return {name: value for name, _, value in lines}


def _write(path: Path, values: dict[str, str]) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items())
    fresh.replace(path)
