"""Indexing: reading parts of arrays, and arrays with parts replaced."""
