"""Slides: a reveal.js deck of one file, made from an executed notebook; nothing is executed.

prose (Markdown in pieces: sentences, formulas, lists, tables) · card (what a slide is) · talk
(which cells become slides, and which words go into the speaker's notes) · sources (code short
enough to project) · deck (one HTML file that asks nothing of the network).
"""

from coursekit.course.slides.deck import page, write
from coursekit.course.slides.talk import cards

__all__ = ["cards", "page", "write"]
