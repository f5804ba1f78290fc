"""热点: the same topic at the same place more often than its own rhythm; found in ``matters``, kept in ``surges``."""
