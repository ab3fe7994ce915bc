"""MkDocs events. The site is joined from the pages of this folder and the verdicts of this very build; see `_site`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from _site.build import Site, assemble
from _site.links import archive, with_files
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_state: dict[str, object] = {}


def on_startup(*, command: Literal["build", "gh-deploy", "serve"], dirty: bool) -> None:  # noqa: ARG001 (MkDocs passes it)
    """Remember whether a broken claim stops the build or is shown to the one who is mending it."""
    _state["lenient"] = command == "serve"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Run, or recall, the verdicts; complete the navigation with the generated pages."""
    root = Path(config.config_file_path).parent
    try:
        site = assemble(root, config.extra["mathcore"], lenient=bool(_state.get("lenient")))
    except ValueError as error:
        raise PluginError(str(error)) from error
    config.nav = site.navigation(config.nav or [])
    _state["site"] = site
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages."""
    for path, content in _site().pages.items():
        files.append(File.generated(config, path, content=content))
    for path, file in _site().python.items():
        files.append(File.generated(config, path, abs_src_path=str(file)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Fill in what a page asks for: claims, pictures, counts. A search shows a chapter before its many claims."""
    if "faq" in page.meta:
        page.meta.setdefault("search", {"boost": 3})
    return _run(page, lambda: _site().expand(markdown, page.file.src_uri, page.meta))


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Set the formulas and draw the figures, docstrings included."""
    return _run(page, lambda: _site().finish(html, page.file.src_uri))


def on_post_page(output: str, *, page: Page, config: MkDocsConfig) -> str:  # noqa: ARG001
    """Let every link name a file, so that the site can be read from a disk."""
    return with_files(output)


def on_post_build(*, config: MkDocsConfig) -> None:
    """Put the whole site beside its pages as one file."""
    if not _state.get("lenient"):  # while serving, nobody reads it
        archive(Path(config.site_dir))


def _site() -> Site:
    site = _state["site"]
    assert isinstance(site, Site)
    return site


def _run(page: Page, step: object) -> str:
    assert callable(step)
    try:
        return str(step())
    except ValueError as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from error


__all__: Sequence[str] = [
    "on_config",
    "on_files",
    "on_page_content",
    "on_page_markdown",
    "on_post_build",
    "on_post_page",
    "on_startup",
]
