"""Plumbing without one business word: settings, TLS, gRPC, errors, clock, logs, metrics."""
