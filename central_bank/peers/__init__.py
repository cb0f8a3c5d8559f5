"""The banks as the central bank sees them, and their gRPC client."""
