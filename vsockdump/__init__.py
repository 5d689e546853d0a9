"""Capture and analyse VM sockets: tcpdump for vsockmon."""

__version__ = "0.1.0"
