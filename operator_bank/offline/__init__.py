"""Offline money: devices certified, tokens loaded and deposited."""
