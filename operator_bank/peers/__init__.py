"""The central bank as the bank sees it, its gRPC client, and what the bank has kept of its word."""
