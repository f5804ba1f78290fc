"""The agents' web page (坐席页面): the work list, the review of a call, the live board, the audit trail."""
