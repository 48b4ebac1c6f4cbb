"""Doors out: one technology and one port a file."""
