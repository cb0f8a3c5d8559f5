"""The documents as a site: `make docs`. Its source is the checkout, for README is a page of it."""

from __future__ import annotations

from importlib.metadata import version as installed
from pathlib import Path

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

project = "DCEP"
release = version = installed("dcep")
copyright = "the DCEP authors, under the Apache License 2.0"  # noqa: A001  # Sphinx's name for it
html_title = f"{project} {release}"
html_theme = "furo"
html_copy_source = False

extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**"]
exclude_patterns = ["docs/zh-CN/read.txt"]

# Anchors as GitHub makes them, so that a link leads to the same place here and there.
myst_heading_anchors = 4
highlight_language = "text"
smartquotes = False
nitpicky = True


def lead_folders_to_contents(app: Sphinx, document: nodes.document) -> None:
    """Where GitHub lists a folder of documents that is linked, this site shows its contents."""
    for link in document.findall(pending_xref):
        if link["refdomain"] is None:
            folder = Path(app.srcdir, link["refdoc"]).parent / link["reftarget"]
            if folder.is_dir():
                chinese = "zh-CN" in folder.resolve().parts
                contents = "docs/zh-CN/index" if chinese else "docs/index"
                link["refdomain"], link["reftarget"], link["reftargetid"] = "doc", contents, None


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("doctree-read", lead_folders_to_contents)
