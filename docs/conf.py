"""Settings of Sphinx: ``sphinx-build -W -b html docs docs/_build/html`` builds these pages."""

import sys
from pathlib import Path

from clerk_hooks import __version__

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "clerk_hooks"
project_copyright = "the clerk-hooks contributors"
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx_design",
    "sphinx.ext.autodoc",
    "events_page",
    "models_page",
    "plain_docstrings",
]
highlight_language = "none"
pygments_dark_style = "github-dark"
exclude_patterns = ["_build", "_extensions"]
default_role = "py:obj"  # A name in a docstring links to its own docstring, where it has one here.

myst_enable_extensions = ["colon_fence", "deflist"]  # Of the tabs; of the glossary.
myst_heading_anchors = 3  # Headings get the anchors that they have on a code host, too.

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = f"clerk_hooks {version}"
html_show_sphinx = False
html_copy_source = False
html_static_path = ["_static"]
html_css_files = ["tables.css"]
