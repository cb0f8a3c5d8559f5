"""Every movement has a signature behind it: proved from the databases alone."""
