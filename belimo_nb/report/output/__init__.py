"""Where a run's files go: the folder, its exchange with the one before, uploads, reports.json."""
