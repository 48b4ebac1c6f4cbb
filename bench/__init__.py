"""The load and comparison harness: one run, one machine, the same request for us and for our peers."""
