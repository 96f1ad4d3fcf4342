"""The HTML: one self-contained page a report, and the index."""
