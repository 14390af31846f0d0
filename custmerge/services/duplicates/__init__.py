"""Duplicates: which records may be one customer."""
