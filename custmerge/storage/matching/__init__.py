"""The model of duplicates: its settings, and what trains and runs it."""
