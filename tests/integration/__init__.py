"""The full stack through processes, gRPC and the command lines only."""
