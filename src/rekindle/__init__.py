"""Rekindle: a self-hosted CRM for the whole relationship, including its end."""

__version__ = "0.1.0"
