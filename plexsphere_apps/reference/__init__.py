"""The pages of docs/reference that follow from the code. `python -m plexsphere_apps.reference` writes them anew."""

from collections.abc import Callable, Mapping
from typing import Final

from plexsphere_apps.reference import configuration, events, metrics, openapi, operations, problems

PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "configuration.md": configuration.page,
    "events.md": events.page,
    "metrics.md": metrics.page,
    "openapi.json": openapi.page,
    "operations.md": operations.page,
    "problems.md": problems.page,
}
"""The name of each page, and what makes its content."""
