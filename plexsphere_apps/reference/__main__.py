"""Write every generated page of the reference into the source tree that this package runs from."""

from pathlib import Path

import plexsphere_apps
from plexsphere_apps.reference import PAGES

REFERENCE = Path(plexsphere_apps.__file__).parents[1] / "docs" / "reference"

for name, page in PAGES.items():
    (REFERENCE / name).write_text(page(), encoding="utf-8")
