"""What the standards ask of a forwarder, row by row: docs/standards.md is made from this folder."""
