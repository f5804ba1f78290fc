"""The processes of an installation: what each one opens, runs, shows and closes. None imports another."""
