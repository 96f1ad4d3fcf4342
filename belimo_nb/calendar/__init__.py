"""Time as people use it: local days and months, periods such as last-month, clock changes."""
