"""Prepaid support credits: one ledger between a help desk, a shop and an ERP."""

__version__ = "0.1.0"
