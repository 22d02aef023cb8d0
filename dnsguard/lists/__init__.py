"""Lists of names: the bundled ones, their formats, and what is never allowed in."""
