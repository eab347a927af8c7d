"""The built-in demo provider and its scripted faults."""
