"""References: what orders and undos do to the rows of a host's tables that point at its customers."""
