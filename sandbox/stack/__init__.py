"""Makes, starts, watches and stops a stack's processes."""
