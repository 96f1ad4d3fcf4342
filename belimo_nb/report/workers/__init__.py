"""The processes that make reports, several at a time, each with a time limit."""
