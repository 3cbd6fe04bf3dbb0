"""Bootstrap tokens in memory keep the promises of every store."""

import pytest

from plexsphere_adapters.memory.transactions import MemoryTransactions
from plexsphere_domain.identity.bootstrap_tokens.events import BootstrapTokenIssued, BootstrapTokenRevoked
from tests.ports.bootstrap_tokens import BootstrapTokenContract, Tokens
from tests.ports.tenancy import BY


@pytest.fixture
def transactions() -> MemoryTransactions:
    return MemoryTransactions()


class TestMemoryBootstrapTokens(BootstrapTokenContract): ...


async def test_every_command_leaves_its_fact_and_its_action(transactions: MemoryTransactions) -> None:
    tokens = Tokens(transactions)
    project = await tokens.project()
    issued = await tokens.issue(project)
    await tokens.service.revoke(project, issued.token.id, by=BY)
    domain, token = transactions.tables.projects[project].domain_id, issued.token.id
    assert transactions.tables.events[-2:] == [
        BootstrapTokenIssued(domain_id=domain, project_id=project, token_id=token),
        BootstrapTokenRevoked(domain_id=domain, project_id=project, token_id=token),
    ]
    actions = transactions.tables.actions[-2:]
    assert [each.action for each in actions] == ["bootstrap_token.issue", "bootstrap_token.revoke"]
    assert {(each.object_type, each.object_id, each.domain_id) for each in actions} == {
        ("bootstrap_token", token, domain)
    }
