"""A person's wallet: keys, orders, offline money, its service and its command line."""
