"""The audit log in memory keeps the promises of every store."""

from uuid import uuid4

import pytest

from plexsphere_adapters.memory.audit import MemoryAuditStore
from plexsphere_domain.audit.model import Scope
from tests.ports.audit import AuditStoreContract


class TestMemoryAuditStore(AuditStoreContract):
    @pytest.fixture
    def store(self) -> MemoryAuditStore:
        return MemoryAuditStore()

    @pytest.fixture
    def domain(self, store: MemoryAuditStore) -> Scope:
        scope = Scope(uuid4())
        store.domains.add(scope)
        return scope
