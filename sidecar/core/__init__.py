"""Judgement: values in, values out. No loop, socket, disk, clock, chance or log."""
