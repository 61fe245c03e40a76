#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""git's own http-backend behind the habits of servers that people have.

habits-server.py TLS-FOLDER REPOSITORIES OTHER-URL LOG    prints its port

The first step of a path is the habit, the rest is handed to git:
  plain v0 v2               what is asked for; version 0 alone; version 2, whatever is asked for
  charset chunked http10 nolength lower headers gzip upgrade interim   of answers
  nosymref                  does not say which branch HEAD is
  get-301 get-302 get-307 get-308 all-307   go to /plain; all-307 for packs, too
  suffix case               forges that put .git behind a path, or make it lower case
  other-auth to-auth        go to OTHER-URL/auth, to /auth
  signin                    goes to a page
  once-429 once-502 once-503 once-drop once-cut   a bad moment, then plain
  late-429 always-503       more of them
  dumb                      plain files
  twice                     each ref is listed twice
  auth                      wants the token; below it everything is private
The log has a line for each request: method, path, authorization or -, version of git's protocol.
"""
import base64
import gzip
import http.server
import os
import re
import socketserver
import ssl
import subprocess
import sys

TOKEN = "s3cr3t-t0ken"


def packets(data):
    """pkt-lines: (special or None, bytes)."""
    at = 0
    while at < len(data):
        size = int(data[at:at + 4], 16)
        if size < 4:
            yield size, b""
            at += 4
        else:
            yield None, data[at + 4:at + size]
            at += size


def unpackets(items):
    return b"".join(b"%04x" % kind if kind is not None else b"%04x" % (len(data) + 4) + data
                    for kind, data in items)


def is_ref(data):
    return re.match(rb"[0-9a-f]{40} ", data) is not None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    # what a request is

    def split(self):
        path, _, query = self.path.partition("?")
        steps = path.split("/")
        return steps[1], "/" + "/".join(steps[2:]), query

    def body(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data

    def first_time(self, what):
        seen = self.server.seen
        seen[what] = seen.get(what, 0) + 1
        return seen[what] == 1

    # answers

    def say(self, status, data=b"", kind="text/plain", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def go_to(self, status, url):
        self.say(status, b"elsewhere", Location=url)

    def raw(self, lines, data):
        self.wfile.write(b"".join(line.encode() + b"\r\n" for line in lines) + b"\r\n" + data)
        self.close_connection = True

    def pieces(self, data):
        for at in range(0, len(data), 41):
            piece = data[at:at + 41]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def answer(self, habit, kind, data):
        if habit == "charset":
            return self.say(200, data, kind + "; charset=UTF-8")
        if habit == "http10":
            return self.raw(["HTTP/1.0 200 OK", "Content-Type: " + kind], data)
        if habit == "nolength":
            return self.raw(["HTTP/1.1 200 OK", "Content-Type: " + kind, "Connection: close"], data)
        if habit == "lower":
            return self.raw(["HTTP/1.1 200", "content-type: " + kind,
                             "content-length: %d" % len(data), "connection: close"], data)
        if habit == "headers":
            more = {"X-Filler-%d" % i: "f" * 500 for i in range(24)}
            return self.say(200, data, kind, **more)
        if habit == "gzip":
            return self.say(200, gzip.compress(data), kind, Content_Encoding="gzip")
        if habit == "interim":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n"
                             b"HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n")
            return self.say(200, data, kind)
        if habit in ("chunked", "upgrade"):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Transfer-Encoding", "chunked")
            if habit == "upgrade":
                self.send_header("Upgrade", "h2c")
                self.send_header("Connection", "Upgrade")
            self.end_headers()
            return self.pieces(data)
        if habit == "once-cut" and self.command == "POST" and self.first_time("cut"):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[:len(data) // 2])
            self.close_connection = True
            return None
        return self.say(200, data, kind)

    # habits that answer without git

    def redirect(self, habit, rest, query):
        tail = rest + ("?" + query if query else "")
        if re.fullmatch("get-30.", habit) and self.command == "GET":
            return self.go_to(int(habit[4:]), "/plain" + tail)
        if habit == "all-307":
            return self.go_to(307, "/plain" + tail)
        if habit == "other-auth":
            return self.go_to(302, self.server.other + "/auth" + tail)
        if habit == "to-auth":
            return self.go_to(302, "/auth" + tail)
        if habit == "suffix" and ".git/" not in rest:
            return self.go_to(301, "https://%s/suffix%s" % (
                self.headers["Host"], tail.replace("/info/refs", ".git/info/refs")))
        if habit == "case" and rest != rest.lower():
            return self.go_to(301, "/case" + tail.replace(rest, rest.lower()))
        if habit == "signin" and self.command == "GET":
            return self.go_to(302, "/signin/users/sign_in")
        raise LookupError

    def bad_moment(self, habit):
        if habit == "always-503":
            return self.say(503)
        if habit == "late-429":
            return self.say(429, Retry_After="100000")
        if re.fullmatch("once-[0-9]*", habit) and self.first_time(habit):
            return self.say(int(habit[5:]), Retry_After="1")
        if habit == "once-drop" and self.first_time(habit):
            self.close_connection = True
            return None
        raise LookupError

    def authorize(self, habit):
        given = self.headers.get("Authorization", "").partition(" ")[2]
        if habit != "auth" or base64.b64decode(given).decode().partition(":")[2] == TOKEN:
            raise LookupError
        return self.say(401, WWW_Authenticate='Basic realm="x"')

    # git

    def version(self, habit):
        return {"v0": None, "v2": "version=2"}.get(habit, self.headers.get("Git-Protocol"))

    def git(self, habit, rest, query, body):
        env = {"PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": self.server.root,
               "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": rest, "QUERY_STRING": query,
               "REQUEST_METHOD": self.command, "CONTENT_LENGTH": str(len(body)),
               "CONTENT_TYPE": self.headers.get("Content-Type", ""), "REMOTE_USER": "x",
               "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
               "GIT_CONFIG_VALUE_0": "*"}
        if self.version(habit):
            env["GIT_PROTOCOL"] = self.version(habit)
        out = subprocess.run(["git", "http-backend"], input=body, env=env, check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        head, _, data = out.partition(b"\r\n\r\n")
        fields = dict(line.partition(b": ")[::2] for line in head.split(b"\r\n"))
        status = fields.get(b"Status", b"200").split()[0]
        return int(status), fields.get(b"Content-Type", b"text/plain").decode(), data

    @staticmethod
    def change(habit, data):
        items = list(packets(data))
        if habit == "nosymref":
            items = [(k, re.sub(rb" symref(=HEAD:|-target:)[^ \n]*", b"", d)) for k, d in items]
        if habit == "twice":
            items = [item for item in items for _ in range(2 if is_ref(item[1]) else 1)]
        return unpackets(items)

    def do_any(self):
        body = self.body()
        habit, rest, query = self.split()
        with open(self.server.log, "a", encoding="utf-8") as log:
            print(self.command, self.path.partition("?")[0],
                  "authorization" if self.headers["Authorization"] else "-",
                  self.headers.get("Git-Protocol", "-"), file=log)
        for refuse in (lambda: self.redirect(habit, rest, query),
                       lambda: self.bad_moment(habit), lambda: self.authorize(habit)):
            try:
                return refuse()
            except LookupError:
                pass
        if habit == "signin":
            return self.say(200, b"<html>Who are you?</html>", "text/html")
        status, kind, data = self.git(habit, rest, "" if habit == "dumb" else query, body)
        if status != 200:
            return self.say(status)
        lists = self.command == "GET" or b"command=ls-refs" in body
        if habit in ("nosymref", "twice") and lists:
            data = self.change(habit, data)
        return self.answer(habit, kind, data)

    do_GET = do_POST = do_any


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass

    def finish_request(self, request, client_address):
        try:
            request.settimeout(60)
            tls = self.tls.wrap_socket(request, server_side=True)
        except OSError:
            return
        self.RequestHandlerClass(tls, client_address, self)


def main(tls, root, other, log):
    server = Server(("127.0.0.1", 0), Handler)
    server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.tls.load_cert_chain(tls + "/cert.pem", tls + "/key.pem")
    server.root, server.other, server.log, server.seen = root, other, log, {}
    print(server.server_port, flush=True)
    server.serve_forever()


main(*sys.argv[1:5])
