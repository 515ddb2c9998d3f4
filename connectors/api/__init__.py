"""Connectors that speak an institution's HTTP API."""
