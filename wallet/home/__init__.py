"""A wallet's folder: key, profile, database, device."""
