"""Running one notebook: in a forked child of a warmed-up process, or in a Jupyter kernel."""
