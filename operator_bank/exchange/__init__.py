"""Exchanges deposits and cash for digital currency and back, free of charge."""
