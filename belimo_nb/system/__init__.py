"""This computer: files, processor cores, and progress on the terminal."""
