"""The exercises of each lecture: one module a lecture, each a handful of `Exercise` objects."""
