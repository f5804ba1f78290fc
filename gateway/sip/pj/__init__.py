"""SIP and media through pjsua2: the only package that imports it; all its objects live and die here.

Threads: pjsua2's SIP worker calls back here; every callback copies what matters and hands it to the event loop
(the thread door). The audio clock thread never enters Python: prompts, ring buffer and recording are native.
Everything public runs on the event loop.
"""

from gateway.sip.pj.agent import UserAgent

__all__ = ["UserAgent"]
