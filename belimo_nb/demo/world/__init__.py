"""What the demo building does not control: weather, the calendar, physics and noise."""
