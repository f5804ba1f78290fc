"""Models on this machine: the official ones as data, fetching an archive, installing it, and choosing one."""
