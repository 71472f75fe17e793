"""The elementwise rows, a file per subject, and the primitives they are written in."""
