"""API keys: made once, stored as a digest, told apart."""

import hashlib

import pytest

from shared.api_keys import StoredKey, new_key, tenant_of


def test_a_new_key_opens_its_tenant_and_only_its_digest_is_stored() -> None:
    key = new_key()
    stored = StoredKey("acme", key.secret_sha256)
    assert tenant_of(key.text, {key.key_id: stored}) == "acme"
    assert key.text.rsplit("_", 1)[-1].encode() not in stored.secret_sha256
    assert key.secret_sha256 == hashlib.sha256(key.text[len(f"tt_{key.key_id}_") :].encode()).digest()


@pytest.mark.parametrize("wrong", ["", "tt_", "Bearer", "tt_0123456789abcdef_" + "x" * 43, "ü" * 64, "\x00"])
def test_another_key_opens_nothing(wrong: str) -> None:
    key = new_key()
    assert tenant_of(wrong, {key.key_id: StoredKey("acme", key.secret_sha256)}) is None


def test_a_right_id_with_a_wrong_secret_opens_nothing() -> None:
    key, other = new_key(), new_key()
    forged = f"tt_{key.key_id}_{other.text.split('_', 2)[2]}"
    assert tenant_of(forged, {key.key_id: StoredKey("acme", key.secret_sha256)}) is None


def test_an_unknown_id_whose_digest_is_zero_opens_nothing() -> None:
    assert tenant_of(new_key().text, {}) is None
