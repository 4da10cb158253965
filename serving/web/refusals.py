"""The error that answers a request."""


class Refusal(Exception):  # noqa: N818 - not an error of the server.
    """An HTTP status, a message for the client, and when to try again.

    `kind` is the key of the message's translation; `values` are put into it.
    """

    def __init__(self, status, kind, message, retry_after_secs=None, **values):
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.retry_after_secs = retry_after_secs
        self.values = values

    def headers(self):
        """Return the headers of the answer."""
        headers = {}
        if self.retry_after_secs is not None:
            headers['Retry-After'] = str(self.retry_after_secs)
        if self.status == 401:
            headers['WWW-Authenticate'] = 'Bearer'
        return headers

    def content(self):
        """Return the JSON object of the answer."""
        known = {'status': self.status, 'kind': self.kind, 'message': self.message}
        return {**known, **self.values}
