"""The files of a run: the output folder, its publication, uploads, and reports.json."""
