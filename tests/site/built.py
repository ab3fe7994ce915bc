"""Where the built site and the browser are."""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
SITE = Path(os.environ.get("SITE", ROOT / "site"))
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


def pages():
    """Every page of the site, by its path."""
    return sorted(str(p.relative_to(SITE)) for p in SITE.rglob("*.html")) if SITE.is_dir() else []
