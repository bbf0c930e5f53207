"""An S3 that accepts and discards, so that a benchmark measures the sender: `… READY_FILE`.

It speaks enough of the protocol for boto3: PUT and multipart uploads with their answers, and 404
to whoever looks for an object. A process of its own, a thread for each connection.
"""

import socketserver
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

XML = '<?xml version="1.0" encoding="UTF-8"?>'
STARTED = f"{XML}<InitiateMultipartUploadResult><UploadId>1</UploadId>"
STARTED += "</InitiateMultipartUploadResult>"
COMPLETED = f'{XML}<CompleteMultipartUploadResult><ETag>"0"</ETag></CompleteMultipartUploadResult>'


class Discard(socketserver.StreamRequestHandler):
    rbufsize = 1 << 18
    disable_nagle_algorithm = True

    def handle(self):
        buffer = bytearray(1 << 20)
        while request := self.rfile.readline():
            method, target, _ = request.decode().split()
            headers = self.headers()
            if headers.get("expect"):
                self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            left = int(headers.get("content-length", 0))
            while left:
                left -= self.rfile.readinto1(memoryview(buffer)[: min(left, len(buffer))])
            self.wfile.write(answer(method, target))

    def headers(self):
        lines = iter(self.rfile.readline, b"\r\n")
        pairs = (line.decode().partition(":") for line in lines)
        return {name.lower(): value.strip() for name, _, value in pairs}


def answer(method, target):
    parameters = parse_qs(urlsplit(target).query, keep_blank_values=True)
    status, body = "200 OK", ""
    if method == "POST":
        body = STARTED if "uploads" in parameters else COMPLETED
    elif method == "DELETE":
        status = "204 No Content"
    elif method in ("GET", "HEAD"):
        status = "404 Not Found"
    head = f'HTTP/1.1 {status}\r\nETag: "0"\r\nContent-Length: {len(body)}\r\n\r\n'
    return (head + body).encode()


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


def main(ready_file):
    with Server(("127.0.0.1", 0), Discard) as server:
        handle, name = tempfile.mkstemp(dir=ready_file.parent)
        with open(handle, "w") as file:
            file.write(f"http://127.0.0.1:{server.server_address[1]}")
        Path(name).replace(ready_file)
        server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
