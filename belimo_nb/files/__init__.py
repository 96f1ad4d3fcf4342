"""Data files of valves and heat meters without a cloud: read by a mapping into the store, and exported from it."""
