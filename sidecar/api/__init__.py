"""Doors in: each maps bytes to a Request and a Decision to bytes, nothing else."""
