"""The demo building in operation: loads, valves, meters and everything else that gives a reading."""
