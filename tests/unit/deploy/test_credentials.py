from pathlib import Path

from deploy.local.credentials import ADMIN, DEMO_KEY, load_credentials, password_name, save_secret
from deploy.provision.roles import ROLES


def test_every_role_has_its_own_password_that_stays(tmp_path: Path) -> None:
    first = load_credentials(tmp_path)
    passwords = {first.password(name) for name in (ADMIN, *(role.name for role in ROLES))} | {first.redis_password}
    assert len(passwords) == len(ROLES) + 2
    assert load_credentials(tmp_path).values == first.values


def test_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    load_credentials(tmp_path)
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600
    save_secret(tmp_path, DEMO_KEY, "key")
    assert (tmp_path / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert load_credentials(tmp_path).values[DEMO_KEY] == "key"


def test_what_is_missing_is_added_and_the_rest_kept(tmp_path: Path) -> None:
    (tmp_path / "secrets.env").write_text("TELLTALE_OWNER_PASSWORD=kept\n")
    credentials = load_credentials(tmp_path)
    assert credentials.password("telltale_owner") == "kept"
    assert credentials.password("telltale_gateway")


def test_the_representation_shows_no_secret(tmp_path: Path) -> None:
    credentials = load_credentials(tmp_path)
    assert not any(secret in repr(credentials) + str(credentials) for secret in credentials.values.values())


def test_variables_are_named_after_roles() -> None:
    assert password_name("telltale_owner") == "TELLTALE_OWNER_PASSWORD"
