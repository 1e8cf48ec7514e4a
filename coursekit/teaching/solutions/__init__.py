"""Worked solutions, a module a lecture: what `solution()` prints and the lectures fold away."""
