import pytest

from services.persister.memory import MemoryStore
from tests.contract.persister.suites import ReadSessions, StoreContract


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    @pytest.fixture
    def read_sessions(self, store: MemoryStore) -> ReadSessions:
        async def read(tenant_id: str) -> list[tuple[int, int, int]]:
            found = [row for row in store.sessions.values() if row.tenant_id == tenant_id]
            return [(row.batch_count, row.event_count, row.source_offset) for row in found]

        return read
