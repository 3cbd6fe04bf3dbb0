"""docs/reference/openapi.json: the API description, as `GET /v1/openapi.json` answers it."""

import json

from plexsphere_adapters.http.openapi import document
from plexsphere_adapters.http.operations import OPERATIONS


def page() -> str:
    """The document, indented."""
    return json.dumps(document(OPERATIONS, version="v1"), indent=2, ensure_ascii=False) + "\n"
