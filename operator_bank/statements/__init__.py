"""A wallet's past."""
