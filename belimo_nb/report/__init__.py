"""Batch reports: from notebooks and devices to a folder of HTML pages with an index."""
