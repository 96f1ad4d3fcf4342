"""The devices of the demo building: which there are, what they measure, and which faults they have."""
