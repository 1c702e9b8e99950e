"""API keys: made once, stored as a digest, told apart."""

import hashlib

import pytest

from shared.api_keys import StoredKey, find_key, new_key


def test_a_new_key_opens_its_tenant_and_only_its_digest_is_stored() -> None:
    key = new_key()
    stored = StoredKey("acme", key.secret_sha256)
    assert find_key(key.text, {key.key_id: stored}) == stored
    secret = key.text.split("_", 2)[2].encode()
    assert secret not in stored.secret_sha256
    assert key.secret_sha256 == hashlib.sha256(secret).digest()


@pytest.mark.parametrize("wrong", ["", "tt_", "Bearer", "tt_0123456789abcdef_" + "x" * 43, "ü" * 64, "\x00"])
def test_another_key_opens_nothing(wrong: str) -> None:
    key = new_key()
    assert find_key(wrong, {key.key_id: StoredKey("acme", key.secret_sha256)}) is None


def test_a_right_id_with_a_wrong_secret_opens_nothing() -> None:
    key, other = new_key(), new_key()
    forged = f"tt_{key.key_id}_{other.text.split('_', 2)[2]}"
    assert find_key(forged, {key.key_id: StoredKey("acme", key.secret_sha256)}) is None


def test_an_unknown_id_whose_digest_is_zero_opens_nothing() -> None:
    assert find_key(new_key().text, {}) is None


@pytest.mark.parametrize("publishable", [True, False])
def test_a_key_cannot_pass_for_one_of_the_other_kind(publishable: bool) -> None:
    key = new_key(publishable=publishable)
    stored = StoredKey("acme", key.secret_sha256, frozenset({"https://shop.example"}) if publishable else None)
    other = {"tt": "tp", "tp": "tt"}[key.text[:2]] + key.text[2:]

    assert find_key(key.text, {key.key_id: stored}) == stored
    assert stored.publishable == publishable
    assert find_key(other, {key.key_id: stored}) is None
