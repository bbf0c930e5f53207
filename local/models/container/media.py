"""Which format a request is in, and which its reply shall be in."""

from local.models.container.errors import NotAcceptableError, UnsupportedContentError

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
SUPPORTED = (CSV, JSON_LINES, JSON)
_ANYTHING = "*/*"


def request_format(content_type: str) -> str:
    """The media type of a Content-Type header, without its parameters.

    Raises:
        UnsupportedContentError: it is none of `SUPPORTED`, or absent.
    """
    media_type = _bare(content_type)
    if media_type not in SUPPORTED:
        raise UnsupportedContentError(
            f"Content-Type {content_type!r} is not supported; send one of {', '.join(SUPPORTED)}"
        )
    return media_type


def reply_format(accept: str, content_type: str) -> str:
    """The first format of an Accept header that is supported; the request's where none is asked.

    Raises:
        NotAcceptableError: the header asks for other formats only.
    """
    wanted = [_bare(media_range) for media_range in (accept or _ANYTHING).split(",")]
    for media_type in wanted:
        if media_type == _ANYTHING:
            return request_format(content_type)
        if media_type in SUPPORTED:
            return media_type
    raise NotAcceptableError(
        f"Accept {accept!r} is not supported; ask for one of {', '.join(SUPPORTED)}"
    )


def _bare(media_range: str) -> str:
    return media_range.partition(";")[0].strip().lower()
