"""Structured logs: JSON for machines, colours on a terminal. Secrets are never passed here."""

from __future__ import annotations

import logging
import sys

import structlog


def configure_logs(service: str) -> None:
    """Sets the process's logging up; called once, by a main."""
    terminal = sys.stderr.isatty()
    renderer = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that says where it speaks from."""
    bound: structlog.stdlib.BoundLogger = structlog.get_logger(part=name)
    return bound
