"""Attaching: a host's existing tables as the register."""
