"""Backends: what runs a program.  Each is found by name through `compile.backend`."""
