"""Text messages (短信) to callers, through an operator's HTTP gateway that a file describes."""
