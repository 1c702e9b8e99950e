import pytest

from services.persister.memory import MemoryStore
from tests.contract.persister.suites import StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()
