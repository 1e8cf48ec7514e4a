"""The course as a static site: lectures as executed, slides, results, and what the package offers.

stage (the sources, put together from the notebooks, the README and the package) · conf (what Sphinx
is told) · dialect (docstrings and signatures as Sphinx reads them) · build (all of it, and the
decks) · links (does every link within the site lead somewhere?). Nothing is executed.
"""

from coursekit.course.site.build import build

__all__ = ["build"]
