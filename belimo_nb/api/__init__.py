"""The API's JSON as values and tables: devices, dataprofiles, history, health."""
