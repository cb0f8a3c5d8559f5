"""Payments without a server in reach: requests, payments and receipts, as text or over a link."""
