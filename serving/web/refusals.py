"""Requests that are not answered with what they asked for, and why."""


class Refusal(Exception):  # noqa: N818 - the request is at fault, or the moment; nothing broke.
    """Carry an HTTP status, a message for whoever asked, and when asking again makes sense.

    `kind` names the message in the table of translations; `values` fill its gaps.
    """

    def __init__(self, status, kind, message, retry_after_secs=None, **values):
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.retry_after_secs = retry_after_secs
        self.values = values

    def headers(self):
        """Return the headers that belong to this refusal."""
        headers = {}
        if self.retry_after_secs is not None:
            headers['Retry-After'] = str(self.retry_after_secs)
        if self.status == 401:
            headers['WWW-Authenticate'] = 'Bearer'
        return headers

    def content(self):
        """Return what an answer in JSON says of it."""
        known = {'status': self.status, 'kind': self.kind, 'message': self.message}
        return {**known, **self.values}
