"""The command line: one file a noun, each verb a function that returns its exit code."""
