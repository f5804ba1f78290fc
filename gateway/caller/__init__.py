"""A caller that follows a script over real SIP: it speaks, presses keys, waits for what it hears in RTP."""
