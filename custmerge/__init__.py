"""custmerge: merges two customer numbers of a web host into one."""

__version__ = "0.1.0"
