"""The bank's services over gRPC: translation, nothing else."""
