"""Hosts: coding agents that start a hook before every tool call, and wait for what it says.

This package is imported anew for each of those calls. So its values are NamedTuples and its modules import nothing
but what is quick to load: msgspec, dataclasses, http.client and typer each take longer than a daemon takes to decide.
"""
