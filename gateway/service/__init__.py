"""Processes: what starts, watches, shows and ends them."""
