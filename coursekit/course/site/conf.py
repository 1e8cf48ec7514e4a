"""What Sphinx is told. `python -m coursekit site` runs it on the sources that `stage` makes."""

from typing import Any

from coursekit.course.site import dialect

project = "coursekit"
author = "the course"
copyright = "code MIT, text and figures CC BY 4.0"
language = "en"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
]

# Notebooks are shown as they are stored; films count as pictures.
nb_execution_mode = "off"
nb_mime_priority_overrides = [("html", "image/gif", 5)]
nb_ipywidgets_js: dict[str, Any] = {}  # stored widgets are stills; nothing is loaded for live ones
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "strikethrough"]
myst_dmath_double_inline = True
myst_heading_anchors = 3

# MathJax lies in the site itself (see stage.assets); its SVG needs no font files.
mathjax_path = "mathjax/tex-svg-full.js"
mathjax3_config = {"options": {"enableMenu": False}}

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "ignore-module-all": True}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
add_module_names = False
suppress_warnings = ["ref.python"]  # a type alias may have the name of another room's
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = "coursekit"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0068a3", "color-brand-content": "#0068a3"},
    "dark_css_variables": {"color-brand-primary": "#6cb8ea", "color-brand-content": "#6cb8ea"},
    "footer_icons": [],
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"


def setup(app: Any) -> None:
    """Connect what this site adds to Sphinx."""
    app.connect("config-inited", dialect.own_assets)
    app.connect("autodoc-process-docstring", dialect.docstring, priority=400)  # before napoleon
    app.connect("autodoc-process-signature", dialect.signature)
    app.connect("autodoc-skip-member", dialect.skip)
    app.connect("doctree-read", dialect.describe)
