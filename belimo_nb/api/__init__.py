"""The cloud's JSON as values and tables: devices, dataprofiles, history, health."""
