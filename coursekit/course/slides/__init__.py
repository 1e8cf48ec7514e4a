"""Slides: a reveal.js deck of one file, made from an executed notebook; nothing is executed.

prose (Markdown in pieces: sentences, formulas, lists, tables) · card (what a slide is) · rule
(which cells become slides) · talk (the slides so far, and what the speaker will say) · sources
(code short enough to project) · deck (one HTML file that asks nothing of the network).
"""

from coursekit.course.slides.deck import page, write
from coursekit.course.slides.rule import cards

__all__ = ["cards", "page", "write"]
