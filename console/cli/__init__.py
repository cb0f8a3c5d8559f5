"""The officers' commands."""
