"""The people who work here and the customers who log in: sessions, passwords, wrong tries, service tokens."""
