"""The surroundings of the demo building: weather, calendar, physics and noise."""
