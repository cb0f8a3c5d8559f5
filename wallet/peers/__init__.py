"""The bank as the wallet calls it, its gRPC client, and which banks there are."""
