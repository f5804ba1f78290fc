"""Benchmarks of the whole gateway that anyone can repeat: `make bench`, or `python -m bench`."""
