"""The computer: files, processor cores, and progress bars."""
