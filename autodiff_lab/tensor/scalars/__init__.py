"""Elementwise functions: the primitives and the rows of the op table, by subject."""
