"""MkDocs events. The site is joined from the pages of this folder and the verdicts of this very build; see `_site`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from _site import print_page
from _site.build import Site, assemble
from _site.links import archive, with_files
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.nav import Navigation
from mkdocs.structure.pages import Page
from mkdocs.utils.templates import TemplateContext

Result = TypeVar("Result")

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
    for path, file in _site().files.items():
        files.append(File.generated(config, path, abs_src_path=str(file)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """The step before Markdown is rendered."""
    filled, meta = _run(page, lambda: _site().before(markdown, page.file.src_uri, page.meta))
    page.meta.update(meta)
    return filled


def on_page_content(html: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """The step after it, docstrings included."""
    return _run(page, lambda: _site().after(html, page.file.src_uri))


def on_page_context(context: TemplateContext, *, page: Page, config: MkDocsConfig, nav: Navigation) -> TemplateContext:  # noqa: ARG001
    """Join the chapters, all of which are rendered by now, on the page to be printed."""
    if page.file.src_uri == print_page.PAGE:
        contents = {file.src_uri: file.page.content or "" for file in context["pages"] if file.page}
        page.content = _run(page, lambda: (page.content or "") + print_page.joined(_site().course, contents))
    return context


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


def _run(page: Page, step: Callable[[], Result]) -> Result:
    try:
        return step()
    except ValueError as error:
        raise PluginError(f"{page.file.src_uri}: {error}") from error


__all__: Sequence[str] = [
    "on_config",
    "on_files",
    "on_page_content",
    "on_page_context",
    "on_page_markdown",
    "on_post_build",
    "on_post_page",
    "on_startup",
]
