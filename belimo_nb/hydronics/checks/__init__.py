"""The checks of a valve, one a module: each takes samples and gives a verdict."""
