"""Telephony and wiring: SIP legs, calls, media, configuration, processes, the ``hotline`` command."""
