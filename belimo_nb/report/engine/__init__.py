"""Running one notebook: in a forked child of a process with everything imported, or in a Jupyter kernel."""
