"""Customers, packages and domains."""
