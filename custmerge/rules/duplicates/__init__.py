"""Duplicates: which records may be one customer, who of them survives, and why."""
