"""The kill switch: orders in, halts in force, and everyone who has to know."""
