"""A model container: SageMaker starts it, asks `/ping`, and posts records to `/invocations`.

This one adds up the numbers of each CSV record. A real one would load what it finds in the folder
that SM_MODEL_DIR names.
"""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Model(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):  # /ping
        self.reply("")

    def do_POST(self):  # /invocations
        records = self.rfile.read(int(self.headers["Content-Length"])).decode().splitlines()
        sums = [sum(float(field) for field in record.split(",")) for record in records]
        self.reply("".join(f"{each:g}\n" for each in sums))

    def reply(self, text):
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


ThreadingHTTPServer(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Model).serve_forever()
