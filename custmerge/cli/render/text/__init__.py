"""Values → lines and tables for people."""
