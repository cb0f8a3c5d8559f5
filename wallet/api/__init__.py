"""The wallet's own gRPC service: translation, nothing else."""
