"""Settings of Sphinx: ``sphinx-build -W -b html docs docs/_build/html`` builds these pages."""

from clerk_hooks import __version__

project = "clerk_hooks"
project_copyright = "the clerk-hooks contributors"
version = release = __version__

extensions = ["myst_parser", "sphinx_design"]
myst_enable_extensions = ["colon_fence"]  # Of the tabs.
myst_heading_anchors = 3  # Headings get the anchors that they have on a code host, too.
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = f"clerk_hooks {version}"
