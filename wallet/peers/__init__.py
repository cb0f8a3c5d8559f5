"""The bank as the wallet sees it, its gRPC client, and which banks there are."""
